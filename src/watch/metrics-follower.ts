import { type FileHandle, open } from 'node:fs/promises'
import { type MetricsLine, parseMetricsLine } from '../report/metrics.ts'
import { fileErrorCode, fileFault } from '../vocabulary/file-fault.ts'

/** Lines of a metrics file that grows: each refresh reads only what came since the last. */
export class MetricsFollower {
  readonly #path: string
  #lines: MetricsLine[] = []
  #inode: number | null = null
  /** Bytes that are read, and what of them is the beginning of a line. */
  #read = 0
  #rest = Buffer.alloc(0)

  constructor(path: string) {
    this.#path = path
  }

  /** Lines so far; another array where the file was written anew. */
  get lines(): readonly MetricsLine[] {
    return this.#lines
  }

  /** @throws UserFault where the file cannot be read or holds a line that is not one of ours */
  async refresh(): Promise<void> {
    let file: FileHandle
    try {
      file = await open(this.#path, 'r')
    } catch (error) {
      if (fileErrorCode(error) === 'ENOENT') return
      throw fileFault(error, 'read', this.#path)
    }
    try {
      const { ino, size } = await file.stat()
      // `resume` drops the lines behind its checkpoint: the file is another one then.
      if (ino !== this.#inode || size < this.#read) this.#begin(ino)
      const bytes = Buffer.alloc(size - this.#read)
      const { bytesRead } = await file.read(bytes, 0, bytes.length, this.#read)
      this.#read += bytesRead
      this.#take(bytes.subarray(0, bytesRead))
    } finally {
      await file.close()
    }
  }

  #begin(inode: number): void {
    this.#inode = inode
    this.#read = 0
    this.#rest = Buffer.alloc(0)
    this.#lines = []
  }

  #take(bytes: Buffer): void {
    const texts = Buffer.concat([this.#rest, bytes]).toString('latin1').split('\n')
    this.#rest = Buffer.from(texts.pop() ?? '', 'latin1')
    for (const text of texts) {
      const line = Buffer.from(text, 'latin1').toString()
      this.#lines.push(parseMetricsLine(line, `${this.#path}, line ${this.#lines.length + 1}`))
    }
  }
}
