/**
 * What `npm run fuzz` needs of a format, one file of bench/fuzz/targets/ each; targets.ts is the table of all.
 *
 * The harness writes each mutation of a sample into a scratch folder or hands over its bytes, calls `read` with a time limit
 * in a process of its own, and holds the answer to this:
 *
 * - refused: `read` threw a UserFault whose message has `file` in it (any other error is a finding);
 * - accepted: what was read equals what was read of the sample, or, for formats without checksums of their own, what
 *   `asItStands` finds in the mutated bytes;
 * - a process that dies (signal, out of memory) and a case over its time limit are findings.
 */
export interface FuzzTarget {
  /** Of the table, in kebab case. */
  readonly name: string
  /** What the message of each refusal has to name: the file, as `read` calls it. */
  readonly file: string
  /** Whole files, the same in every process: small ones, so that a mutation hits what matters. */
  samples(): readonly Buffer[] | Promise<readonly Buffer[]>
  /**
   * Reads the bytes as the product does.
   * @param scratch empty folder that is this process's own; what a case leaves there stays for the next
   * @returns a fingerprint of all that was taken from them: names, sizes and contents (see fingerprint.ts)
   * @throws UserFault where it refuses them
   */
  read(bytes: Buffer, scratch: string): string | Promise<string>
  /**
   * Only for formats that carry no checksums: the fingerprint of what the bytes say, found in another way than the product's;
   * null where no reader should accept them.
   */
  asItStands?(bytes: Buffer): string | null | Promise<string | null>
  /** Makes checksums of headers right again in half of the cases, so that a change gets past them. */
  mend?(bytes: Buffer): void
}
