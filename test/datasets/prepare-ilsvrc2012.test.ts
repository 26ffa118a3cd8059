import { createHash } from 'node:crypto'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { loadDataset } from '../../src/data/datasets/load-dataset.ts'
import { fixturePath } from '../fixtures-folder.ts'
import { jpegOf } from './made-images.ts'
import { imagesOf, prepareCall } from './prepare-call.ts'
import { tarOf } from './write-archives.ts'

t.setTimeout(120_000)

/** Ids 1 .. 4 of the devkit in scripts/scipy/write_mat_fixtures.py. */
const WORDNET_IDS = ['n00000004', 'n00000002', 'n00000003', 'n00000001'] as const
/** Devkit id of each validation image. */
const TRUTH = [3, 1, 4, 4, 2, 1] as const
const NAMES = {
  devkit: 'ILSVRC2012_devkit_t12.tar.gz',
  train: 'ILSVRC2012_img_train.tar',
  val: 'ILSVRC2012_img_val.tar',
} as const

const validationName = (number: number) => `ILSVRC2012_val_${String(number).padStart(8, '0')}.JPEG`
const truthFile = Buffer.from(`${TRUTH.join('\n')}\n`)
const metaFile = readFileSync(fixturePath('mat/meta.mat'))
const devkit = gzipSync(
  tarOf([
    ['ILSVRC2012_devkit_t12/readme.txt', Buffer.from('as the published one')],
    ['ILSVRC2012_devkit_t12/data/meta.mat', metaFile],
    ['ILSVRC2012_devkit_t12/data/ILSVRC2012_validation_ground_truth.txt', truthFile],
  ]),
)
/** Three training images a class, not in the order of their names, as in the published archives. */
const trainingFiles = await Promise.all(
  WORDNET_IDS.map(async (id, place) => {
    const images = [20, 3, 11].map(
      async (number): Promise<[string, Buffer]> => [`${id}_${number}.JPEG`, await jpegOf(100 * place + number)],
    )
    return [id, await Promise.all(images)] as const
  }),
)
const validationFiles = await Promise.all(
  TRUTH.map(async (_, place): Promise<[string, Buffer]> => [validationName(place + 1), await jpegOf(1000 + place)]),
)
const trainTar = tarOf(trainingFiles.map(([id, images]): [string, Buffer] => [`${id}.tar`, tarOf(images)]))
const valTar = tarOf(validationFiles)

function officialFolder(test: Test, others: Partial<Record<keyof typeof NAMES, Buffer>> = {}): string {
  const folder = join(test.testdir({}), 'in')
  mkdirSync(folder)
  for (const [key, bytes] of [
    ['devkit', devkit],
    ['train', trainTar],
    ['val', valTar],
  ] as const) {
    writeFileSync(join(folder, NAMES[key]), others[key] ?? bytes)
  }
  return folder
}

const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

/** What must come out: classes by WordNet id, training images by name, validation images with the devkit's classes. */
async function checkShards(test: Test, shards: string): Promise<void> {
  const { description, train, test: validation, notices } = await loadDataset('imagenet', shards)
  test.same(description.classNames, ['Schloß Neuschwanstein', 'tench, Tinca tinca', 'crane, bird', 'crane'])
  const sorted = [...WORDNET_IDS].sort()
  const expectedTraining = sorted.flatMap((id, label) => {
    const images = trainingFiles.find(([one]) => one === id)?.[1] ?? []
    const byName = [...images].sort(([one], [other]) => (one < other ? -1 : 1))
    return byName.map(([, bytes]) => [label, digest(bytes)])
  })
  test.same(
    imagesOf(train).map(({ label, bytes }) => [label, digest(bytes)]),
    expectedTraining,
  )
  const labels = new Map(
    validationFiles.map(([, bytes], place) => [
      digest(bytes),
      sorted.findIndex((id) => id === WORDNET_IDS[(TRUTH[place] ?? 0) - 1]),
    ]),
  )
  const made = imagesOf(validation)
  test.equal(made.length, TRUTH.length)
  for (const { label, bytes } of made) test.equal(label, labels.get(digest(bytes)))
  test.match(notices.join('\n'), /12 training images where ILSVRC2012 has 1281167/)
}

t.test('the official archives', async (t) => {
  const folder = officialFolder(t)
  const result = await prepareCall(folder, join(folder, '..', 'out'), { shardBytes: 8000, processes: 2 })
  t.match(result, { classes: 4, images: { train: 12, test: 6 }, bad: [] })
  await checkShards(t, join(folder, '..', 'out'))
  t.test('a second time with the devkit unpacked', async (t) => {
    const data = join(folder, 'ILSVRC2012_devkit_t12', 'data')
    mkdirSync(data, { recursive: true })
    writeFileSync(join(data, 'meta.mat'), metaFile)
    writeFileSync(join(data, 'ILSVRC2012_validation_ground_truth.txt'), truthFile)
    writeFileSync(join(folder, NAMES.devkit), 'not read')
    await prepareCall(folder, join(folder, '..', 'again'))
    await checkShards(t, join(folder, '..', 'again'))
  })
})

t.test('the same, unpacked: class folders, and validation images in one folder or in class folders', async (t) => {
  const folder = t.testdir({})
  for (const [id, images] of trainingFiles) {
    mkdirSync(join(folder, 'in', 'train', id), { recursive: true })
    for (const [name, bytes] of images) writeFileSync(join(folder, 'in', 'train', id, name), bytes)
  }
  mkdirSync(join(folder, 'in', 'val'))
  for (const [name, bytes] of validationFiles) writeFileSync(join(folder, 'in', 'val', name), bytes)
  await t.rejects(prepareCall(join(folder, 'in'), join(folder, 'flat')), {
    name: 'UserFault',
    message: /^Expected ILSVRC2012_devkit_t12\.tar\.gz/,
  })
  writeFileSync(join(folder, 'in', NAMES.devkit), devkit)
  await prepareCall(join(folder, 'in'), join(folder, 'flat'))
  await checkShards(t, join(folder, 'flat'))
  for (const [place, [name]] of validationFiles.entries()) {
    const own = join(folder, 'in', 'validation', WORDNET_IDS[(TRUTH[place] ?? 0) - 1] ?? 'none')
    mkdirSync(own, { recursive: true })
    copyFileSync(join(folder, 'in', 'val', name), join(own, name))
  }
  mkdirSync(join(folder, 'sorted'))
  renameSync(join(folder, 'in', 'train'), join(folder, 'sorted', 'train'))
  renameSync(join(folder, 'in', 'validation'), join(folder, 'sorted', 'val'))
  renameSync(join(folder, 'in', NAMES.devkit), join(folder, 'sorted', NAMES.devkit))
  await prepareCall(join(folder, 'sorted'), join(folder, 'by-class'))
  await checkShards(t, join(folder, 'by-class'))
})

/** A header of any type around its contents; links have their target instead. */
function entry(name: string, contents: Buffer, type: string, target = '', size = contents.length): Buffer {
  const header = Buffer.alloc(512)
  header.write(name, 0, 100)
  header.write('0000644\0', 100)
  if (size < 8 ** 11) header.write(`${size.toString(8).padStart(11, '0')}\0`, 124)
  else {
    header[124] = 0x80
    header.writeBigUInt64BE(BigInt(size), 128)
  }
  header.write(`        ${type}`, 148, 'latin1')
  header.write(target, 157, 100)
  header.write('ustar\x0000', 257)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return Buffer.concat([header, contents, Buffer.alloc((512 - (contents.length % 512)) % 512)])
}

const END = Buffer.alloc(1024)
const inner = tarOf([['n00000001_1.JPEG', await jpegOf(1)]])
const archive = (...entries: Buffer[]) => Buffer.concat([...entries, END])
const PAX_SIZE = Buffer.from('30 size=1152921504606846976\n')

const HOSTILE: [name: string, others: Partial<Record<keyof typeof NAMES, Buffer>>, message: RegExp][] = [
  [
    'a path that climbs',
    { train: archive(entry('../../x/n00000001.tar', inner, '0')) },
    /\.\.\/\.\.\/x.*leads out of it/,
  ],
  ['an absolute path', { train: archive(entry('/tmp/n00000001.tar', inner, '0')) }, /leads out of it/],
  [
    'a climbing path in a class’s tar',
    { train: archive(entry('n00000001.tar', archive(entry('../../../evil.JPEG', inner, '0')), '0')) },
    /evil\.JPEG.*leads out of it/,
  ],
  [
    'a climbing long name (GNU)',
    { train: archive(entry('././@LongLink', Buffer.from('../../long/n00000001.tar\0'), 'L'), entry('x', inner, '0')) },
    /\.\.\/\.\.\/long.*leads out of it/,
  ],
  [
    'a climbing long name (pax)',
    { train: archive(entry('pax', Buffer.from('33 path=../../long/n00000001.tar\n'), 'x'), entry('x', inner, '0')) },
    /\.\.\/\.\.\/long.*leads out of it/,
  ],
  ['a symbolic link', { train: archive(entry('n00000001.tar', Buffer.alloc(0), '2', '/etc')) }, /a link or a device/],
  [
    'a hard link',
    { val: archive(entry(validationName(1), Buffer.alloc(0), '1', '/etc/passwd')) },
    /a link or a device/,
  ],
  ['a device', { val: archive(entry('ILSVRC2012_val_00000001.JPEG', Buffer.alloc(0), '3')) }, /a link or a device/],
  [
    'a size of 2^60',
    { train: archive(entry('n00000001.tar', inner, '0', '', 2 ** 60)) },
    /of the 1152921504606847000 bytes of/,
  ],
  [
    'a size of 2^60 (pax)',
    { train: archive(entry('pax', PAX_SIZE, 'x'), entry('n00000001.tar', inner, '0')) },
    /whole tar archive/,
  ],
  [
    'a name of 1 MB',
    { train: archive(entry('././@LongLink', Buffer.alloc(1 << 20, 'x'), 'L')) },
    /a name of 1048576 bytes/,
  ],
  ['a wrong checksum', { train: Buffer.concat([Buffer.from('m'), trainTar.subarray(1)]) }, /^Expected a tar archive/],
  ['compressed', { train: gzipSync(trainTar) }, /^Expected a tar archive/],
  ['empty', { train: Buffer.alloc(0) }, /no tar header/],
  ['images in place of classes', { train: valTar }, /a tar for each class .* the entry ILSVRC2012_val_00000001\.JPEG/],
  ['classes in place of images', { val: trainTar }, /validation images .* the entry n00000004\.tar/],
  ['no validation images', { val: tarOf([]) }, /^Expected images for .*ILSVRC2012_img_val\.tar/],
  ['an empty class', { train: archive(entry('n00000001.tar', END, '0')) }, /^Expected images for n00000001\.tar in/],
  [
    'a class that is not trained',
    { train: archive(entry('n00000001.tar', inner, '0')) },
    /^Expected a class of .*n00000003/,
  ],
  [
    'more validation images than the devkit knows',
    { val: archive(entry(validationName(7), inner, '0')) },
    /none for image 7/,
  ],
  ['a gzip bomb as devkit', { devkit: gzipSync(Buffer.alloc(200 << 20)) }, /at most \d+ bytes for the contents/],
  [
    'another devkit',
    { devkit: gzipSync(tarOf([['readme.txt', Buffer.from('of 2010')]])) },
    /and meta\.mat for .* readme\.txt/,
  ],
]

/** Every file below a folder with its size. */
function tree(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => `${name} ${statSync(join(folder, name)).size}`)
    .sort()
}

for (const [name, others, message] of HOSTILE) {
  t.test(`${name}: one error, nothing written`, async (t) => {
    const folder = officialFolder(t, others)
    const around = join(folder, '..')
    const before = tree(around)
    const memory = process.memoryUsage.rss()
    await t.rejects(prepareCall(folder, join(around, 'out')), { name: 'UserFault', message, remedy: /\S/ })
    t.same(tree(around), before)
    t.notOk(existsSync(join(around, 'evil.JPEG')))
    t.ok(process.memoryUsage.rss() - memory < 300e6)
  })
}

t.test('cut anywhere, one clear error', async (t) => {
  const folder = officialFolder(t)
  for (const [key, bytes] of [
    ['train', trainTar],
    ['val', valTar],
    ['devkit', devkit],
  ] as const) {
    for (let cut = 0; cut < 100; cut++) {
      // Without the two zero blocks of its end: those may be missing by half.
      const length = Math.floor((cut / 100) * (bytes.length - 1024))
      writeFileSync(join(folder, NAMES[key]), bytes.subarray(0, length))
      await t.rejects(prepareCall(folder, join(folder, '..', 'out')), { name: 'UserFault' }, `${key}, ${length} bytes`)
    }
    writeFileSync(join(folder, NAMES[key]), bytes)
  }
  t.same(readdirSync(join(folder, '..')), ['in'])
})

t.test('very many entries', async (t) => {
  const one = entry('ILSVRC2012_val_00000001.JPEG', Buffer.alloc(0), '0')
  const folder = officialFolder(t, { val: Buffer.concat([...Array.from({ length: 200_000 }, () => one), END]) })
  const result = await prepareCall(folder, join(folder, '..', 'out'), { onBad: 'report' })
  t.equal(result.bad.length, 200_000, 'empty images, each told of')
})
