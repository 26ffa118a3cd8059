import { arriveEarly, meetReplicas, readRefusal, writeRefusal } from './replica-meeting.ts'

const REFUSED = 'another device could not'

/**
 * Replicas that try the runs of a program and go on with it only if all of them could: one that cannot (no memory left, a
 * graph that its device refuses) would otherwise leave its partners waiting at the next run.
 */
export class SharedTrial {
  readonly #exchange: SharedArrayBuffer
  readonly #replicas: number
  /** Meetings before runs that are still to come. */
  readonly #runs: number[]
  /** The meeting after which all have said how it went; names the trial, as no other has its number. */
  readonly #said: number
  /** The meeting after which all have heard it. */
  readonly #heard: number

  /**
   * @param runs that each replica tries
   * @param nextMeeting numbers of the replicas' meetings, the same in all of them
   */
  constructor(exchange: SharedArrayBuffer, replicas: number, runs: number, nextMeeting: () => number) {
    this.#exchange = exchange
    this.#replicas = replicas
    this.#runs = Array.from({ length: runs }, nextMeeting)
    this.#said = nextMeeting()
    this.#heard = nextMeeting()
  }

  /** Before each run: waits for the others. @throws Error where one of them could not go on, or failed altogether */
  meet(): void {
    const meeting = this.#runs.shift()
    if (meeting === undefined) throw new RangeError('Expected a run of the trial but received one more')
    meetReplicas(this.#exchange, meeting, this.#replicas)
    if (readRefusal(this.#exchange) === this.#said) throw new Error(REFUSED)
  }

  /**
   * After the runs, or the failure of one: waits for the others.
   * @param failure why this replica could not, null = it could
   * @returns why they do not go on with it, null = all could
   */
  agree(failure: string | null): string | null {
    if (failure !== null) writeRefusal(this.#exchange, this.#said)
    // Partners are not to wait for runs that this replica leaves out; they see the refusal there.
    arriveEarly(this.#exchange, this.#runs.length)
    meetReplicas(this.#exchange, this.#said, this.#replicas)
    const refused = readRefusal(this.#exchange) === this.#said
    // A replica that has heard it may begin the next trial, and refuse that.
    meetReplicas(this.#exchange, this.#heard, this.#replicas)
    return failure ?? (refused ? REFUSED : null)
  }
}
