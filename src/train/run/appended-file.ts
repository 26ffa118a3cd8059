import { closeSync, fdatasync, openSync, writeSync } from 'node:fs'
import { promisify } from 'node:util'
import { fileErrorCode } from '../../vocabulary/file-fault.ts'

/** A file that grows. What the disk does not take stays in memory and is written before what comes next. */
export class AppendedFile {
  readonly #file: number
  #waiting = Buffer.alloc(0)

  constructor(path: string) {
    this.#file = openSync(path, 'a')
  }

  /** @returns why not all of it is in the file, null where it is */
  append(bytes: string | Uint8Array): Error | null {
    this.#waiting = Buffer.concat([this.#waiting, Buffer.from(bytes)])
    return this.#write()
  }

  /** Brings all of it to the disk. @throws the file system's error */
  async sync(): Promise<void> {
    const failure = this.#write()
    if (failure !== null) throw failure
    await promisify(fdatasync)(this.#file)
  }

  close(): void {
    this.#write()
    closeSync(this.#file)
  }

  /** A disk that is nearly full takes a part: the rest must follow it, or a line would have another in its middle. */
  #write(): Error | null {
    try {
      while (this.#waiting.length > 0) this.#waiting = this.#waiting.subarray(writeSync(this.#file, this.#waiting))
      return null
    } catch (error) {
      if (error instanceof Error && fileErrorCode(error) !== null) return error
      throw error
    }
  }
}
