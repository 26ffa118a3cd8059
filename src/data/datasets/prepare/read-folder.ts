/** A folder's visible entries, links followed, with words for what is no name or leads nowhere. */
import { lstatSync, readdirSync, readlinkSync, type Stats, statSync } from 'node:fs'
import { join } from 'node:path'
import { byCodePoints } from '../../../vocabulary/code-point-order.ts'
import { expected } from '../../../vocabulary/fault.ts'
import { fileErrorCode, fileFault } from '../../../vocabulary/file-fault.ts'

export interface FolderEntry {
  readonly name: string
  readonly path: string
  readonly kind: 'folder' | 'file' | 'special' | 'hidden' | 'broken link'
  /** Of a file. */
  readonly bytes: number
  /** ms since 1970. */
  readonly changed: number
  /** The same for two paths that lead to one place. */
  readonly identity: string
}

/**
 * In the order of code points.
 * @throws UserFault where it cannot be read, and for names that are not UTF-8
 */
export function readFolder(folder: string): FolderEntry[] {
  let names: Buffer[]
  try {
    names = readdirSync(folder, { encoding: 'buffer' })
  } catch (error) {
    throw fileFault(error, 'read', folder)
  }
  const entries = names.map((bytes) => {
    const name = bytes.toString('utf8')
    if (!name.startsWith('.') && !Buffer.from(name, 'utf8').equals(bytes)) throw otherNames(folder, bytes)
    return entryOf(name, join(folder, name))
  })
  return entries.sort((one, other) => byCodePoints(one.name, other.name))
}

export function identityOf({ dev, ino }: Stats): string {
  return `${dev}:${ino}`
}

/** @throws UserFault for a link that leads nowhere, saying where it should lead */
export function refuseBrokenLink(path: string): never {
  throw expected(
    'a file or a folder',
    path,
    `a link to ${readlinkSync(path)}, which leads nowhere`,
    'Remove the link, or bring back what it leads to.',
  )
}

function entryOf(name: string, path: string): FolderEntry {
  const nothing = { name, path, bytes: 0, changed: 0, identity: '' }
  if (name.startsWith('.')) return { ...nothing, kind: 'hidden' }
  try {
    const found = statSync(path)
    const kind = found.isDirectory() ? 'folder' : found.isFile() ? 'file' : 'special'
    return { name, path, kind, bytes: found.size, changed: found.mtimeMs, identity: identityOf(found) }
  } catch (error) {
    const code = fileErrorCode(error)
    if ((code === 'ENOENT' || code === 'ELOOP') && isLink(path)) return { ...nothing, kind: 'broken link' }
    throw fileFault(error, 'read', path)
  }
}

function isLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true
}

function otherNames(folder: string, bytes: Buffer): Error {
  // As Python prints them.
  const printed = [...bytes].map((byte) =>
    byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`,
  )
  return expected(
    'names in UTF-8',
    folder,
    `'${printed.join('')}'`,
    "Rename it (convmv -r -f latin1 -t utf8 --notest <folder> does so for a whole folder with Latin-1's names).",
  )
}
