/** A file that holds a dataset or a part of it: its bytes, what they decompress to, and its checksum. */
import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { promisify } from 'node:util'
import { gunzip as gunzipCallback } from 'node:zlib'
import { UserFault } from '../../vocabulary/fault.ts'
import { fileErrorCode, fileFault } from '../../vocabulary/file-fault.ts'

const gunzip = promisify(gunzipCallback)

/** Most bytes that one read system call takes on Linux, in whole pages. */
const READ_BYTES = 0x7ffff000
/** The last 4 bytes of a gzip file: how many bytes it decompresses to, modulo 2^32 (RFC 1952). */
const GZIP_TRAILER_BYTES = 4
/** Output that a small or lying trailer still gets; zlib's own chunks of 16 KiB make 11,000 of a CIFAR archive. */
const LEAST_CHUNK_BYTES = 64 << 10

export interface SourceFile {
  readonly path: string
  /** SHA-256 of the file as it lies on the disk. */
  readonly sha256: string
  /** The decompressed bytes where the file is a gzip file, else the file's own. */
  readonly contents: Buffer
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/**
 * Reads a file whole and decompresses it in memory.
 * @param limit most bytes that it may decompress to
 * @throws UserFault for a file that cannot be read, is cut off, damaged or larger than the limit
 */
export async function readSourceFile(path: string, limit: number): Promise<SourceFile> {
  const bytes = await readWhole(path)
  // The threads of libuv decompress while this one computes the checksum.
  const decompressed = decompress(bytes, path, limit)
  const checksum = sha256(bytes)
  return { path, sha256: checksum, contents: await decompressed }
}

/** In one read: fs.readFile asks for 512 KiB at a time, and waits for this thread between. */
async function readWhole(path: string): Promise<Buffer> {
  try {
    const file = await open(path)
    try {
      const bytes = Buffer.allocUnsafeSlow((await file.stat()).size)
      let at = 0
      while (at < bytes.length) {
        const { bytesRead } = await file.read(bytes, at, Math.min(bytes.length - at, READ_BYTES), at)
        if (bytesRead === 0) return bytes.subarray(0, at)
        at += bytesRead
      }
      return bytes
    } finally {
      await file.close()
    }
  } catch (error) {
    throw fileFault(error, 'read', path)
  }
}

/** The contents of a gzip file, or `bytes` themselves where they are not gzip. Faults as in readSourceFile. */
export async function decompress(bytes: Buffer, path: string, limit: number): Promise<Buffer> {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes
  try {
    return await gunzip(bytes, { maxOutputLength: limit, chunkSize: chunkBytes(bytes, limit) })
  } catch (error) {
    throw gzipFault(error, path, limit)
  }
}

/** All of the output as one chunk: then nothing waits for this thread, and nothing is copied together. */
function chunkBytes(bytes: Buffer, limit: number): number {
  if (bytes.length < GZIP_TRAILER_BYTES) return LEAST_CHUNK_BYTES
  const told = bytes.readUInt32LE(bytes.length - GZIP_TRAILER_BYTES)
  // A chunk that is filled to the brim would ask for another.
  return Math.min(told, limit) + LEAST_CHUNK_BYTES
}

function gzipFault(error: unknown, path: string, limit: number): unknown {
  const remedy = 'Remove the file and fetch it again (native-ensemble fetch <dataset>).'
  switch (fileErrorCode(error)) {
    case 'Z_BUF_ERROR':
      return new UserFault(`Expected a whole gzip file for ${path} but received one that is cut off`, remedy, {
        cause: error,
      })
    case 'Z_DATA_ERROR':
      return new UserFault(`Expected an intact gzip file for ${path} but received one that is damaged`, remedy, {
        cause: error,
      })
    case 'ERR_BUFFER_TOO_LARGE':
      return new UserFault(
        `Expected at most ${limit} bytes for the contents of ${path} but received more`,
        'Check that this is the file of this dataset.',
        { cause: error },
      )
    default:
      return error
  }
}
