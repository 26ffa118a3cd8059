/** Images in a folder for each class, as torchvision's ImageFolder has them; folders within a class are walked too. */
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { dirname, extname, join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { expected } from '../../vocabulary/fault.ts'
import { fileFault } from '../../vocabulary/file-fault.ts'
import { ILSVRC2012, VALIDATION_NAME, WORDNET_ID } from '../ilsvrc2012.ts'
import { type Devkit, readDevkit } from './devkit.ts'
import { fingerprintOf, type ImageList, inOrder, type SourceImage } from './image-list.ts'

/** Names that are taken for images; whether they are, their bytes tell. */
const EXTENSIONS = new Set(['.jpg', '.jpeg', '.png', '.webp', '.gif', '.bmp', '.tif', '.tiff', '.ppm', '.pgm', '.heic'])

interface Listing {
  readonly images: SourceImage[]
  /** File -> ms since 1970. */
  readonly changed: Map<string, number>
  /** Files that are no images by their names. */
  others: number
}

/**
 * @param train folder of class folders
 * @param validation where the test images are, or which part of each class becomes test images
 * @throws UserFault for classes without images, and validation images of a class that is not trained
 */
export async function listClassFolders(
  train: string,
  validation: { readonly folder: string } | { readonly fraction: number },
): Promise<ImageList> {
  const folders = classFolders(train)
  const remedy = 'Give each class a folder of its own with its images.'
  if (folders.length < 2) throw expected('2 or more class folders', train, folders.join(', ') || 'none', remedy)
  const listing: Listing = { images: [], changed: new Map(), others: 0 }
  for (const [label, folder] of folders.entries()) {
    const images = await listClass(listing, join(train, folder), folder, label)
    if (images === 0) throw expected('images', join(train, folder), 'none', 'Remove the folder, or add images.')
  }
  const devkit = await findDevkit(dirname(train))
  const images =
    'fraction' in validation
      ? splitClasses(listing.images, validation.fraction)
      : { train: listing.images, test: await listValidation(listing, validation.folder, folders, devkit) }
  const classes = folders.map((folder) => ({ folder, name: devkit?.names.get(folder) ?? folder }))
  const sorted = { train: inOrder(images.train), test: inOrder(images.test) }
  return {
    kind: folders.every((folder) => WORDNET_ID.test(folder)) ? 'ilsvrc2012' : 'image-folder',
    classes,
    images: sorted,
    fingerprint: fingerprintOf(sorted, classes, listing.changed),
    notices: listing.others === 0 ? [] : [`${listing.others} files that are no images by their names were passed over`],
  }
}

function classFolders(folder: string): string[] {
  try {
    const names = readdirSync(folder).filter((name) => !name.startsWith('.'))
    return names.filter((name) => statSync(join(folder, name)).isDirectory()).sort()
  } catch (error) {
    throw fileFault(error, 'read', folder)
  }
}

/** @returns how many images it has */
async function listClass(listing: Listing, folder: string, className: string, label: number): Promise<number> {
  // Between classes Ctrl-C is heard.
  await setImmediate()
  const before = listing.images.length
  try {
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      if (entry.name.startsWith('.') || entry.isDirectory()) continue
      const file = join(entry.parentPath, entry.name)
      addFile(listing, file, `${className}/${file.slice(folder.length + 1)}`, label)
    }
  } catch (error) {
    throw fileFault(error, 'read', folder)
  }
  return listing.images.length - before
}

function addFile(listing: Listing, file: string, name: string, label: number): void {
  const { size, mtimeMs } = statSync(file)
  if (!EXTENSIONS.has(extname(file).toLowerCase())) {
    listing.others++
    return
  }
  listing.images.push({ name, label, file, at: 0, bytes: size })
  listing.changed.set(file, mtimeMs)
}

async function listValidation(
  listing: Listing,
  folder: string,
  folders: readonly string[],
  devkit: Devkit | null,
): Promise<SourceImage[]> {
  const labels = new Map(folders.map((name, label) => [name, label]))
  const validation: Listing = { images: [], changed: listing.changed, others: 0 }
  const own = classFolders(folder)
  for (const name of own) {
    const label = labels.get(name)
    const remedy = 'The classes of both have to be the same.'
    if (label === undefined) throw expected('a class that is trained', join(folder, name), name, remedy)
    await listClass(validation, join(folder, name), name, label)
  }
  if (own.length === 0) listFlatValidation(validation, folder, labels, devkit)
  if (validation.images.length === 0) throw expected('images', folder, 'none', 'Add some, or leave the folder out.')
  listing.others += validation.others
  return validation.images
}

/** The 50,000 files of ILSVRC2012 as unpacked, in one folder; the devkit has their classes. */
function listFlatValidation(
  validation: Listing,
  folder: string,
  labels: ReadonlyMap<string, number>,
  devkit: Devkit | null,
): void {
  const names = readdirSync(folder).filter((name) => VALIDATION_NAME.test(name))
  if (names.length > 0 && devkit === null) {
    throw expected(
      `${ILSVRC2012.devkitArchive} or ${ILSVRC2012.devkitFolder}`,
      dirname(folder),
      'a folder without it',
      'It says which class each validation image has: put it beside train/ and val/.',
    )
  }
  for (const name of names) {
    const className = devkit?.classOf(Number(VALIDATION_NAME.exec(name)?.[1])) ?? ''
    const label = labels.get(className)
    if (label === undefined) throw expected('a class that is trained', join(folder, name), className, 'See the devkit.')
    addFile(validation, join(folder, name), `${className}/${name}`, label)
  }
}

async function findDevkit(folder: string): Promise<Devkit | null> {
  const there = [ILSVRC2012.devkitArchive, ILSVRC2012.devkitFolder].some((name) => existsSync(join(folder, name)))
  return there ? await readDevkit(folder) : null
}

/**
 * Of each class with n images the `round(fraction n)` with the smallest hashes of their names become test images, at
 * least one and never all: more images later leave most of the others where they were.
 */
function splitClasses(images: readonly SourceImage[], fraction: number): ImageList['images'] {
  const classes = groupByLabel(images)
  const [train, test]: [SourceImage[], SourceImage[]] = [[], []]
  for (const members of classes.values()) {
    const most = members.length - 1
    if (most === 0) {
      throw expected('2 or more images', members[0]?.name.split('/')[0] ?? 'a class', 1, 'One is kept for testing.')
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
