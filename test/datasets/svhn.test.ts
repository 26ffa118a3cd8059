import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { deflateSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { loadDataset } from '../../src/data/datasets/load-dataset.ts'
import { readMat } from '../../src/data/datasets/mat-file.ts'
import { fixturePath } from '../fixtures-folder.ts'

const FILES = ['train_32x32.mat', 'extra_32x32.mat', 'test_32x32.mat'] as const

/** More images than a chunk of decompressed bytes holds. */
const EXTRA = Array.from({ length: 300 }, (_, image) => [0, 3, 7][image % 3] ?? -1)

/** A folder with these files in place of the good ones; null leaves one out. */
function folderWith(test: Test, others: Partial<Record<(typeof FILES)[number], string | Buffer | null>> = {}): string {
  const folder = test.testdir({})
  for (const file of FILES) {
    const other = others[file]
    if (other === null) continue
    if (Buffer.isBuffer(other)) writeFileSync(join(folder, file), other)
    else copyFileSync(fixturePath(`mat/${other ?? file}`), join(folder, file))
  }
  return folder
}

/** The formula of scripts/scipy/write_mat_fixtures.py, in the order of planes. */
function pixelsOf(image: number): number[] {
  return Array.from({ length: 3072 }, (_, byte) => {
    const [channel, row, column] = [Math.floor(byte / 1024), (byte >> 5) & 31, byte & 31]
    return (31 * image + 7 * row + 3 * column + 101 * channel) & 0xff
  })
}

t.test('train and extra are one split, 10 is the digit 0, pixels are planes', async (t) => {
  const { description, train, test, sources, notices } = await loadDataset('svhn', folderWith(t))
  t.match(train, { storage: 'pixels', count: 305, height: 32, width: 32, channels: 3, order: 'planes' })
  t.same([...new Int32Array(train.labels)], [1, 0, 9, 5, 2, ...EXTRA])
  t.same([...new Int32Array(test.labels)], [4, 0])
  t.same(
    [...new Uint8Array(train.images)],
    Array.from({ length: 305 }, (_, image) => pixelsOf(image)).flat(),
    'written by scipy, read by us',
  )
  t.same([...new Uint8Array(test.images)], [...pixelsOf(100), ...pixelsOf(101)], 'not compressed')
  t.equal(description.classNames[9], '9')
  t.same(
    sources.map(({ path }) => path.split('/').at(-1)),
    FILES,
  )
  t.match(notices.join('\n'), /train has 305 images where svhn has 604388/)
  t.match(notices.join('\n'), /extra_32x32\.mat is not the published file/)
})

t.test('without extra', async (t) => {
  const folder = folderWith(t, { 'extra_32x32.mat': null })
  const { train } = await loadDataset('svhn-no-extra', folder)
  t.same([...new Int32Array(train.labels)], [1, 0, 9, 5, 2])
  await t.rejects(loadDataset('svhn', folder), {
    name: 'UserFault',
    message: /^Expected extra_32x32\.mat for the folder/,
    remedy: /fetch svhn.*--dataset svhn-no-extra/,
  })
})

const good = readFileSync(fixturePath('mat/train_32x32.mat'))
const plain = readFileSync(fixturePath('mat/test_32x32.mat'))

function changed(bytes: Buffer, at: number, value: number): Buffer {
  const copy = Buffer.from(bytes)
  copy[at] = value
  return copy
}

/** A compressed element around any bytes. */
function compressed(contents: Buffer): Buffer {
  const deflated = deflateSync(contents)
  const tag = Buffer.alloc(8)
  tag.writeUInt32LE(15, 0)
  tag.writeUInt32LE(deflated.length, 4)
  return Buffer.concat([good.subarray(0, 128), tag, deflated])
}

/** The plain file with another size of its last axis, which lies behind header, two tags and the flags. */
function withImages(count: number): Buffer {
  const copy = Buffer.from(plain)
  copy.writeInt32LE(count, 128 + 8 + 16 + 8 + 12)
  return copy
}

const FAULTS: [name: string, bytes: Buffer | string, message: RegExp][] = [
  ['empty', Buffer.alloc(0), /whole MATLAB 5 file .* cut off/],
  ['cut in the header', good.subarray(0, 60), /cut off/],
  ['cut in the images', good.subarray(0, 400), /cut off/],
  ['cut in the plain images', plain.subarray(0, 3000), /cut off/],
  ['another kind of file', Buffer.from('<html>'.repeat(100)), /^Expected a MATLAB 5 file for .* "<html><html>/],
  ['big-endian', Buffer.concat([good.subarray(0, 126), Buffer.from('MI'), good.subarray(128)]), /a big-endian one/],
  ['MATLAB 7.3', changed(good, 125, 2), /^Expected a MATLAB 5 file/],
  ['damaged compression', changed(good, 400, (good[400] ?? 0) ^ 0xff), /intact compressed data|intact MATLAB|cut off/],
  [
    'an array within a compressed array',
    compressed(compressed(good).subarray(128)),
    /no such array|cut off|where an array was to be/,
  ],
  ['more images than bytes', withImages(2_000_000_000), /^Expected an array of bytes \(uint8\) for X of/],
  ['a product of axes that overflows', withImages(-1), /intact MATLAB 5 file .* \[32, 32, 3, -1\]/],
  ['label 11', 'label-11.mat', /1 \.\. 10 .* for image 1 of .* received 11$/],
  ['grey images', 'grey.mat', /\[32, 32, 3, images\] for X of .* \[32, 32, 4\]/],
  ['doubles', 'doubles.mat', /^Expected an array of bytes/],
  ['a label less', 'one-label-less.mat', /2 labels, one for each image/],
  ['no images', 'meta.mat', /no such array/],
]

for (const [name, bytes, message] of FAULTS) {
  t.test(`${name}: the user is told`, async (t) => {
    const folder = folderWith(t, { 'train_32x32.mat': bytes })
    await t.rejects(loadDataset('svhn-no-extra', folder), { name: 'UserFault', message, remedy: /\S/ })
  })
}

t.test('cut anywhere, one clear error', async (t) => {
  const folder = folderWith(t)
  mkdirSync(join(folder, 'cut'))
  copyFileSync(fixturePath('mat/test_32x32.mat'), join(folder, 'cut', 'test_32x32.mat'))
  for (let cut = 0; cut < 100; cut++) {
    const bytes = cut % 2 === 0 ? good : plain
    const length = Math.floor(((cut + 0.5) / 100) * (bytes.length - 8))
    writeFileSync(join(folder, 'cut', 'train_32x32.mat'), bytes.subarray(0, length))
    await t.rejects(loadDataset('svhn-no-extra', join(folder, 'cut')), { name: 'UserFault' }, `${length} bytes`)
  }
})

t.test('structs and text, as in ILSVRC2012’s devkit', async (t) => {
  const values = await readMat(
    (async function* () {
      // In pieces of 13 bytes: no element lies in one.
      const bytes = readFileSync(fixturePath('mat/meta.mat'))
      for (let at = 0; at < bytes.length; at += 13) yield bytes.subarray(at, at + 13)
    })(),
    'meta.mat',
  )
  const synsets = values.get('synsets')
  if (synsets?.kind !== 'structs') throw new Error('Expected structs')
  t.same(synsets.shape, [5, 1])
  const [first, , , fourth, inner] = synsets.items
  t.same(first?.get('ILSVRC2012_ID'), { kind: 'numbers', shape: [1, 1], data: [1] })
  t.same(first?.get('WNID'), { kind: 'text', text: 'n00000004' })
  t.same(fourth?.get('words'), { kind: 'text', text: 'Schloß Neuschwanstein' })
  t.same(inner?.get('children'), { kind: 'numbers', shape: [1, 4], data: [1, 2, 3, 4] })
})
