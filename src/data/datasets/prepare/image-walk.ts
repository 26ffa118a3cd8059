/** The image files of a folder and of the folders in it, as torchvision's ImageFolder walks them: links are followed. */
import { realpathSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { expected } from '../../../vocabulary/fault.ts'
import { fileFault } from '../../../vocabulary/file-fault.ts'
import { hasImageName, type LeftOut } from './left-out.ts'
import { type FolderEntry, identityOf, readFolder, refuseBrokenLink } from './read-folder.ts'

export interface FoundImage {
  /** `<name of the folder>/<path in it>`. */
  readonly name: string
  readonly entry: FolderEntry
}

/** Which folders may not be walked: those that the shards are to lie in, by identity. */
export type Forbidden = ReadonlyMap<string, string>

/**
 * The folders that hold `out`, whether it is there yet or not, by identity -> out. Walking one of them would find the
 * unfinished shards of a call that was interrupted, as a class.
 */
export function foldersAround(out: string): Forbidden {
  let path = resolve(out)
  while (!isThere(path)) path = dirname(path)
  const around = new Map<string, string>()
  for (path = realpathSync(path); ; path = dirname(path)) {
    around.set(identityOf(statSync(path)), out)
    if (path === dirname(path)) return around
  }
}

function isThere(path: string): boolean {
  try {
    statSync(path)
    return true
  } catch {
    return false
  }
}

/** @throws UserFault for a folder that the shards are to lie in */
export function refuseForbidden(path: string, identity: string, forbidden: Forbidden): void {
  const out = forbidden.get(identity)
  if (out === undefined) return
  const remedy = 'There they would count as images or as a class. Name a folder beside the images.'
  throw expected('a folder outside of the images', 'the shards', `${out}, which lies in ${path}`, remedy)
}

/**
 * @param name how people know the folder
 * @param leftOut takes what is no image
 * @param above identities of the folders that hold this one
 * @throws UserFault for links that lead nowhere or into a circle, names that are not UTF-8, and what cannot be read
 */
export function* walkImages(
  folder: FolderEntry,
  name: string,
  leftOut: LeftOut,
  forbidden: Forbidden,
  above: ReadonlySet<string>,
): Generator<FoundImage, void, undefined> {
  refuseForbidden(folder.path, folder.identity, forbidden)
  const within = new Set(above).add(folder.identity)
  for (const entry of readFolder(folder.path)) {
    const inner = `${name}/${entry.name}`
    switch (entry.kind) {
      case 'hidden':
      case 'special':
        leftOut.add(entry.kind, inner)
        break
      case 'broken link':
        refuseBrokenLink(entry.path)
        break
      case 'folder':
        if (within.has(entry.identity)) throw circle(entry.path)
        yield* walkImages(entry, inner, leftOut, forbidden, within)
        break
      case 'file':
        if (hasImageName(entry.name)) yield { name: inner, entry }
        else leftOut.add('name', inner)
        break
      default:
        entry.kind satisfies never
    }
  }
}

/** A folder to begin a walk with. @throws UserFault where it cannot be read */
export function folderEntry(path: string): FolderEntry {
  try {
    const found = statSync(path)
    return { name: path, path, kind: 'folder', bytes: 0, changed: found.mtimeMs, identity: identityOf(found) }
  } catch (error) {
    throw fileFault(error, 'read', path)
  }
}

function circle(path: string): Error {
  const received = `a link to ${realpathSync(path)}, which holds the link itself`
  return expected('a folder that ends', path, received, 'Remove the link: its images are there without it.')
}
