/** Bytes that arrive in chunks, read in the pieces that a format asks for. */
export class ByteStream {
  readonly #chunks: AsyncIterator<Uint8Array>
  readonly #cutOff: (missing: number) => Error
  #left: Buffer = Buffer.alloc(0)
  #position = 0

  /** @param cutOff the error of a stream that ends `missing` bytes too early */
  constructor(chunks: AsyncIterable<Uint8Array>, cutOff: (missing: number) => Error) {
    this.#chunks = chunks[Symbol.asyncIterator]()
    this.#cutOff = cutOff
  }

  /** Bytes read so far. */
  get position(): number {
    return this.#position
  }

  /** Whether nothing is left. */
  async atEnd(): Promise<boolean> {
    while (this.#left.length === 0) {
      const next = await this.#chunks.next()
      if (next.done === true) return true
      this.#left = asBuffer(next.value)
    }
    return false
  }

  /** Exactly so many bytes, as one buffer. */
  async read(bytes: number): Promise<Buffer> {
    const pieces: Buffer[] = []
    for await (const piece of this.take(bytes)) pieces.push(piece)
    return pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces)
  }

  /** Exactly so many bytes, in the chunks in which they arrive. */
  async *take(bytes: number): AsyncGenerator<Buffer, void, undefined> {
    let missing = bytes
    while (missing > 0) {
      if (await this.atEnd()) throw this.#cutOff(missing)
      const piece = this.#left.subarray(0, missing)
      this.#left = this.#left.subarray(piece.length)
      this.#position += piece.length
      missing -= piece.length
      yield piece
    }
  }

  /** Ends the stream before its end; without this who writes to it waits for ever. */
  async close(): Promise<void> {
    await this.#chunks.return?.()
  }

  async skip(bytes: number): Promise<void> {
    for await (const _ of this.take(bytes));
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
