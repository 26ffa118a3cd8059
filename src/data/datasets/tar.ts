/** Reads tar archives that lie in memory. Names are only ever compared with names we look for. */
import { FETCH_AGAIN, walkTar } from './tar-walk.ts'

/** The regular files of an archive by the last part of their names; a later one of the same name wins, as in tar. */
export type TarFiles = ReadonlyMap<string, Buffer>

/**
 * @param path of the archive, for messages
 * @throws UserFault for something that is no tar archive, or one that is damaged or cut off
 */
export function readTar(archive: Buffer, path: string): TarFiles {
  const files = new Map<string, Buffer>()
  const source = { size: archive.length, read: (at: number, bytes: number) => archive.subarray(at, at + bytes) }
  for (const { name, kind, offset, size } of walkTar(source, { path, remedy: FETCH_AGAIN })) {
    if (kind === 'file') files.set(name.split('/').at(-1) ?? '', archive.subarray(offset, offset + size))
  }
  return files
}
