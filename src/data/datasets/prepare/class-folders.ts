/** Images in a folder for each class, as torchvision's ImageFolder has them; folders within a class are walked too. */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { expected } from '../../../vocabulary/fault.ts'
import { ILSVRC2012, VALIDATION_NAME, WORDNET_ID } from '../ilsvrc2012.ts'
import { type Devkit, readDevkit } from './devkit.ts'
import { fingerprintOf, type ImageList, inOrder, type SourceImage } from './image-list.ts'
import { type Forbidden, type FoundImage, folderEntry, refuseForbidden, walkImages } from './image-walk.ts'
import { LeftOut } from './left-out.ts'
import { type FolderEntry, readFolder, refuseBrokenLink } from './read-folder.ts'

interface Listing {
  readonly images: SourceImage[]
  /** File -> ms since 1970. */
  readonly changed: Map<string, number>
  readonly leftOut: LeftOut
  readonly forbidden: Forbidden
}

/**
 * @param train folder of class folders
 * @param validation where the test images are, or which part of each class becomes test images
 * @param forbidden folders that may not be walked
 * @throws UserFault for classes without images, and validation images of a class that is not trained
 */
export async function listClassFolders(
  train: string,
  validation: { readonly folder: string } | { readonly fraction: number },
  forbidden: Forbidden,
): Promise<ImageList> {
  const listing: Listing = { images: [], changed: new Map(), leftOut: new LeftOut(), forbidden }
  const { folders, beside } = readClasses(train, listing)
  for (const { name } of beside) listing.leftOut.add('beside', name)
  const names = folders.map(({ name }) => name)
  const remedy = 'Give each class a folder of its own with its images.'
  if (folders.length < 2) throw expected('2 or more class folders', train, names.join(', ') || 'none', remedy)
  for (const [label, folder] of folders.entries()) {
    const { found, leftOut } = await listClass(listing, folder, label)
    if (found === 0) {
      const received = ['none', ...leftOut.notices()].join('; ')
      throw expected('images', folder.path, received, 'Remove the folder, or add images.')
    }
  }
  const devkit = await findDevkit(dirname(train))
  const images =
    'fraction' in validation
      ? splitClasses(listing.images, validation.fraction)
      : { train: listing.images, test: await listValidation(listing, validation.folder, names, devkit) }
  const classes = names.map((folder) => ({ folder, name: devkit?.names.get(folder) ?? folder }))
  const sorted = { train: inOrder(images.train), test: inOrder(images.test) }
  return {
    kind: names.every((folder) => WORDNET_ID.test(folder)) ? 'ilsvrc2012' : 'image-folder',
    classes,
    images: sorted,
    fingerprint: fingerprintOf(sorted, classes, listing.changed),
    notices: listing.leftOut.notices(),
  }
}

/** The class folders, in the order of their labels, and the files that lie beside them. */
function readClasses(
  folder: string,
  { leftOut, forbidden }: Listing,
): { readonly folders: readonly FolderEntry[]; readonly beside: readonly FolderEntry[] } {
  refuseForbidden(folder, folderEntry(folder).identity, forbidden)
  const entries = readFolder(folder)
  for (const { name, kind, path } of entries) {
    if (kind === 'broken link') refuseBrokenLink(path)
    if (kind === 'hidden' || kind === 'special') leftOut.add(kind, name)
  }
  const ofKind = (wanted: FolderEntry['kind']) => entries.filter(({ kind }) => kind === wanted)
  return { folders: ofKind('folder'), beside: ofKind('file') }
}

/** @returns how many images it has, and what else is in it */
async function listClass(
  listing: Listing,
  folder: FolderEntry,
  label: number,
): Promise<{ readonly found: number; readonly leftOut: LeftOut }> {
  // Between classes Ctrl-C is heard.
  await setImmediate()
  const leftOut = new LeftOut()
  const before = listing.images.length
  const above = new Set([folderEntry(dirname(folder.path)).identity])
  const walk = walkImages(folder, folder.name, leftOut, listing.forbidden, above)
  for (const image of walk) addImage(listing, image, label)
  listing.leftOut.merge(leftOut)
  return { found: listing.images.length - before, leftOut }
}

function addImage({ images, changed }: Listing, { name, entry }: FoundImage, label: number): void {
  images.push({ name, label, file: entry.path, at: 0, bytes: entry.bytes })
  changed.set(entry.path, entry.changed)
}

async function listValidation(
  listing: Listing,
  folder: string,
  names: readonly string[],
  devkit: Devkit | null,
): Promise<SourceImage[]> {
  const labels = new Map(names.map((name, label) => [name, label]))
  const validation: Listing = { ...listing, images: [] }
  const { folders, beside } = readClasses(folder, validation)
  for (const entry of folders) {
    const label = labels.get(entry.name)
    const remedy = 'The classes of both have to be the same.'
    if (label === undefined) throw expected('a class that is trained', entry.path, entry.name, remedy)
    await listClass(validation, entry, label)
  }
  if (folders.length === 0) listFlatValidation(validation, beside, folder, labels, devkit)
  else for (const { name } of beside) listing.leftOut.add('beside', name)
  if (validation.images.length === 0) throw expected('images', folder, 'none', 'Add some, or leave the folder out.')
  return validation.images
}

/** The 50,000 files of ILSVRC2012 as unpacked, in one folder; the devkit has their classes. */
function listFlatValidation(
  validation: Listing,
  files: readonly FolderEntry[],
  folder: string,
  labels: ReadonlyMap<string, number>,
  devkit: Devkit | null,
): void {
  const numbered = files.filter(({ name }) => VALIDATION_NAME.test(name))
  for (const entry of files) if (!VALIDATION_NAME.test(entry.name)) validation.leftOut.add('name', entry.name)
  if (numbered.length > 0 && devkit === null) {
    throw expected(
      `${ILSVRC2012.devkitArchive} or ${ILSVRC2012.devkitFolder}`,
      dirname(folder),
      'a folder without it',
      'It says which class each validation image has: put it beside train/ and val/.',
    )
  }
  for (const entry of numbered) {
    const className = devkit?.classOf(Number(VALIDATION_NAME.exec(entry.name)?.[1])) ?? ''
    const label = labels.get(className)
    if (label === undefined) throw expected('a class that is trained', entry.path, className, 'See the devkit.')
    addImage(validation, { name: `${className}/${entry.name}`, entry }, label)
  }
}

async function findDevkit(folder: string): Promise<Devkit | null> {
  const there = [ILSVRC2012.devkitArchive, ILSVRC2012.devkitFolder].some((name) => existsSync(join(folder, name)))
  return there ? await readDevkit(folder) : null
}

/**
 * Of each class with n images the `round(fraction n)` with the smallest hashes of their names become test images, at
 * least one and never all: more images later leave most of the others where they were. Of a fraction of 0 none do.
 */
function splitClasses(images: readonly SourceImage[], fraction: number): ImageList['images'] {
  if (fraction === 0) return { train: images, test: [] }
  const classes = groupByLabel(images)
  const [train, test]: [SourceImage[], SourceImage[]] = [[], []]
  for (const members of classes.values()) {
    const most = members.length - 1
    if (most === 0) {
      const remedy = 'One is kept for testing. Add images, put the test images into val/, or keep none: --validation 0.'
      throw expected('2 or more images', members[0]?.name.split('/')[0] ?? 'a class', 1, remedy)
    }
    const count = Math.min(most, Math.max(1, Math.round(fraction * members.length)))
    const ranked = members.map((image) => ({ image, rank: createHash('sha256').update(image.name).digest('hex') }))
    ranked.sort((one, other) => (one.rank < other.rank ? -1 : 1))
    for (const [place, { image }] of ranked.entries()) (place < count ? test : train).push(image)
  }
  return { train, test }
}

function groupByLabel(images: readonly SourceImage[]): Map<number, SourceImage[]> {
  const groups = new Map<number, SourceImage[]>()
  for (const image of images) {
    const group = groups.get(image.label)
    if (group === undefined) groups.set(image.label, [image])
    else group.push(image)
  }
  return groups
}
