/** ILSVRC2012's official archives: the training images as a tar of a tar for each class, the validation images as a tar. */
import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { byCodePoints } from '../../../vocabulary/code-point-order.ts'
import { expected, UserFault } from '../../../vocabulary/fault.ts'
import { fileFault } from '../../../vocabulary/file-fault.ts'
import { ILSVRC2012, VALIDATION_NAME } from '../ilsvrc2012.ts'
import { type ByteSource, type TarEntry, type TarPlace, walkTar } from '../tar-walk.ts'
import { readDevkit } from './devkit.ts'
import { fingerprintOf, type ImageList, inOrder, type SourceImage } from './image-list.ts'

const CLASS_ARCHIVE = /^(n\d{8})\.tar$/
const REMEDY = `Fetch it again from ${ILSVRC2012.home}, and compare its size with what is said there.`

/**
 * @param folder with the three archives; the devkit may be unpacked
 * @throws UserFault for an archive that is missing, damaged or cut off, or has entries that do not belong into it
 */
export async function listOfficialArchives(folder: string): Promise<ImageList> {
  const devkit = await readDevkit(folder)
  const changed = new Map<string, number>()
  const trainPath = join(folder, ILSVRC2012.trainArchive)
  const validationPath = join(folder, ILSVRC2012.validationArchive)
  const train = await withArchive(trainPath, changed, (source) => listTraining(source, trainPath))
  const folders = [...new Set(train.map(({ className }) => className))].sort(byCodePoints)
  const labels = new Map(folders.map((name, label) => [name, label]))
  const validation = await withArchive(validationPath, changed, (source) =>
    listValidation(source, validationPath, devkit.classOf),
  )
  const labelled = (images: readonly UnlabelledImage[], file: string) =>
    images.map(({ className, ...image }): SourceImage => {
      const label = labels.get(className)
      if (label === undefined) {
        throw expected(`a class of ${ILSVRC2012.trainArchive}`, `${image.name} in ${file}`, className, REMEDY)
      }
      return { ...image, label, file }
    })
  const images = { train: inOrder(labelled(train, trainPath)), test: inOrder(labelled(validation, validationPath)) }
  const classes = folders.map((name) => ({ folder: name, name: devkit.names.get(name) ?? name }))
  return { kind: 'ilsvrc2012', classes, images, fingerprint: fingerprintOf(images, classes, changed), notices: [] }
}

interface UnlabelledImage extends Omit<SourceImage, 'label' | 'file'> {
  readonly className: string
}

async function withArchive<T>(
  path: string,
  changed: Map<string, number>,
  work: (source: ByteSource) => T | Promise<T>,
): Promise<T> {
  let file: number
  try {
    // Opening a FIFO would wait for someone who writes into it.
    if (!statSync(path).isFile()) throw expected('an archive', path, 'no file', REMEDY)
    file = openSync(path, 'r')
  } catch (error) {
    throw fileFault(error, 'read', path)
  }
  try {
    const { size, mtimeMs } = fstatSync(file)
    changed.set(path, mtimeMs)
    return await work({ size, read: (at, bytes) => readAt(file, at, bytes) })
  } finally {
    closeSync(file)
  }
}

function readAt(file: number, at: number, bytes: number): Buffer {
  const target = Buffer.allocUnsafe(bytes)
  let filled = 0
  while (filled < bytes) {
    const read = readSync(file, target, filled, bytes - filled, at + filled)
    if (read === 0) break
    filled += read
  }
  return target.subarray(0, filled)
}

async function listTraining(source: ByteSource, path: string): Promise<UnlabelledImage[]> {
  const images: UnlabelledImage[] = []
  for (const entry of filesOf(source, { path, remedy: REMEDY })) {
    const className = CLASS_ARCHIVE.exec(entry.name.split('/').at(-1) ?? '')?.[1]
    if (className === undefined) {
      throw expected('a tar for each class (n01440764.tar, ...)', path, `the entry ${shown(entry.name)}`, REMEDY)
    }
    const place = {
      path: `${entry.name} in ${path}`,
      remedy: REMEDY,
      from: entry.offset,
      to: entry.offset + entry.size,
    }
    const before = images.length
    // Between classes Ctrl-C is heard.
    await setImmediate()
    for (const { name, offset, size } of filesOf(source, place)) {
      images.push({ className, name: `${className}/${name.split('/').at(-1)}`, at: offset, bytes: size })
    }
    if (images.length === before) throw expected('images', place.path, 'none', REMEDY)
  }
  return images
}

function listValidation(source: ByteSource, path: string, classOf: (number: number) => string): UnlabelledImage[] {
  const images: UnlabelledImage[] = []
  for (const { name, offset, size } of filesOf(source, { path, remedy: REMEDY })) {
    const file = name.split('/').at(-1) ?? ''
    const number = VALIDATION_NAME.exec(file)?.[1]
    if (number === undefined) {
      throw expected('validation images (ILSVRC2012_val_00000001.JPEG, ...)', path, `the entry ${shown(name)}`, REMEDY)
    }
    const className = classOf(Number(number))
    images.push({ className, name: `${className}/${file}`, at: offset, bytes: size })
  }
  if (images.length === 0) throw expected('images', path, 'none', REMEDY)
  return images
}

/** The files of an archive; what no archive of images has is refused, although nothing is ever written by its name. */
function* filesOf(source: ByteSource, place: TarPlace): Generator<TarEntry, void, undefined> {
  for (const entry of walkTar(source, place)) {
    const { name, kind } = entry
    if (kind === 'link' || kind === 'special') {
      throw new UserFault(
        `Expected files for ${place.path} but received ${shown(name)}, which is a link or a device`,
        'This is not the published archive. Fetch it again from its home.',
      )
    }
    if (name.startsWith('/') || name.split(/[/\\]/).includes('..') || name.includes('\0')) {
      throw new UserFault(
        `Expected names within ${place.path} but received ${shown(name)}, which leads out of it`,
        'This is not the published archive. Fetch it again from its home.',
      )
    }
    if (kind === 'file') yield entry
  }
}

/** Names of an archive may hold anything; for messages short, and without control characters. */
function shown(name: string): string {
  const text = JSON.stringify(name).slice(1, -1)
  return text.length <= 80 ? text : `${text.slice(0, 77)}...`
}
