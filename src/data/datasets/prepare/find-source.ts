/** Looks at a folder and says what kind of images it holds. */
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { expected } from '../../../vocabulary/fault.ts'
import { fileFault } from '../../../vocabulary/file-fault.ts'
import { ILSVRC2012 } from '../ilsvrc2012.ts'
import { listClassFolders } from './class-folders.ts'
import type { ImageList } from './image-list.ts'
import { foldersAround } from './image-walk.ts'
import { listOfficialArchives } from './official-archives.ts'
import { readFolder, refuseBrokenLink } from './read-folder.ts'

const VALIDATION_FOLDERS = ['val', 'validation', 'test'] as const

const LAYOUTS =
  `Name a folder with ${ILSVRC2012.trainArchive}, ${ILSVRC2012.validationArchive} and ${ILSVRC2012.devkitArchive}, ` +
  'one with train/<class>/ and val/<class>/, or one with a folder for each class.'

/**
 * Lists the images of the official archives, of train/ and val/, or of class folders. Reads names and headers only.
 * @param validation part of each class that becomes test images where the source has no val/
 * @param out where the shards are to lie, which must not be among the class folders; null where none are made
 * @throws UserFault for a folder without images, and for archives that are damaged or incomplete
 */
export async function listImages(source: string, validation: number | null, out: string | null): Promise<ImageList> {
  const forbidden = out === null ? new Map<string, string>() : foldersAround(out)
  const names = foldersAndFiles(source)
  if (names.has(ILSVRC2012.trainArchive)) {
    refuseValidation(validation, `the official archives have ${ILSVRC2012.images.test} images for it`)
    return await listOfficialArchives(source)
  }
  // A class may be called train, too: then there are images in it, and no folders.
  if (names.get('train') === 'folder' && [...foldersAndFiles(join(source, 'train')).values()].includes('folder')) {
    const val = VALIDATION_FOLDERS.find((name) => names.get(name) === 'folder')
    if (val !== undefined) refuseValidation(validation, `${join(source, val)} is there`)
    const train = join(source, 'train')
    return await listClassFolders(
      train,
      val === undefined ? { fraction: validation ?? 0.1 } : { folder: join(source, val) },
      forbidden,
    )
  }
  if (![...names.values()].includes('folder')) {
    const archive = [...names.keys()].find((name) => /\.(tar|tgz|tar\.gz|zip)$/.test(name))
    const received = archive === undefined ? 'no class folders' : `${archive}, which is none of the official archives`
    throw expected('folders of images', source, received, `${LAYOUTS} Unpack other archives first.`)
  }
  return await listClassFolders(source, { fraction: validation ?? 0.1 }, forbidden)
}

function refuseValidation(validation: number | null, reason: string): void {
  if (validation === null) return
  throw expected('no --validation', 'this source', `${validation}, but ${reason}`, 'Leave --validation out.')
}

/** Visible folders and files of the source by name; other entries are for the walk to tell of. */
function foldersAndFiles(source: string): Map<string, 'folder' | 'file'> {
  try {
    if (!statSync(source).isDirectory()) throw expected('a folder', 'the source', `the file ${source}`, LAYOUTS)
  } catch (error) {
    throw fileFault(error, 'read', source)
  }
  const entries = new Map<string, 'folder' | 'file'>()
  for (const { name, kind, path } of readFolder(source)) {
    if (kind === 'folder' || kind === 'file') entries.set(name, kind)
    if (kind === 'broken link') refuseBrokenLink(path)
  }
  return entries
}
