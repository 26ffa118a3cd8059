/** A set-up step that cannot go on: one sentence that says what is missing, and the command that fixes it. */
export class SetupFault extends Error {
  /**
   * @param {string} message what was expected and what was found
   * @param {string} remedy the command to run, or what to change
   * @param {string} [evidence] output of the tool that failed
   */
  constructor(message, remedy, evidence = '') {
    super(message)
    this.name = 'SetupFault'
    this.remedy = remedy
    this.evidence = evidence
  }
}
