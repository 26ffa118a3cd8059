/** Is a file the published one? */
import type { DatasetFile } from './catalogue.ts'
import { decompress, sha256 } from './source-file.ts'

/**
 * SHA-256 of what the catalogue's checksum covers: the file, or what it decompresses to.
 * @throws UserFault for a gzip file that is damaged or cut off
 */
export async function checksum(file: DatasetFile, bytes: Buffer, path: string): Promise<string> {
  return sha256(file.sha256Of === 'file' ? bytes : await decompress(bytes, path, 4 * file.bytes))
}
