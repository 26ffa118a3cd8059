/** A file that holds a dataset or a part of it: its bytes, what they decompress to, and its checksum. */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { gunzip as gunzipCallback } from 'node:zlib'
import { UserFault } from '../vocabulary/fault.ts'
import { fileErrorCode, fileFault } from '../vocabulary/file-fault.ts'

const gunzip = promisify(gunzipCallback)

/** zlib's own chunks of 16 KiB make 11,000 buffers of a CIFAR archive. */
const CHUNK_BYTES = 4 << 20

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
  let bytes: Buffer
  try {
    bytes = await readFile(path)
  } catch (error) {
    throw fileFault(error, 'read', path)
  }
  return { path, sha256: sha256(bytes), contents: await decompress(bytes, path, limit) }
}

/** The contents of a gzip file, or `bytes` themselves where they are not gzip. Faults as in readSourceFile. */
export async function decompress(bytes: Buffer, path: string, limit: number): Promise<Buffer> {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes
  try {
    return await gunzip(bytes, { maxOutputLength: limit, chunkSize: CHUNK_BYTES })
  } catch (error) {
    throw gzipFault(error, path, limit)
  }
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
