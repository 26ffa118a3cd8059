import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { loadDataset } from '../../src/data/datasets/load-dataset.ts'
import type { PublishedName } from '../../src/vocabulary/dataset-name.ts'
import { cifarRecords, pixelOf, tarOf } from './write-archives.ts'

const CLASSES = 'airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n'
const CIFAR10: [string, Buffer][] = [
  ['cifar-10-batches-bin/batches.meta.txt', Buffer.from(CLASSES)],
  ['cifar-10-batches-bin/data_batch_2.bin', cifarRecords([[4], [9]], 3)],
  ['cifar-10-batches-bin/data_batch_1.bin', cifarRecords([[0], [1], [2]], 0)],
  ['cifar-10-batches-bin/test_batch.bin', cifarRecords([[7]], 50)],
]
const CIFAR100: [string, Buffer][] = [
  ['cifar-100-binary/train.bin', cifarRecords([[19, 99], [3, 42]])], // biome-ignore format: one record a pair
  ['cifar-100-binary/test.bin', cifarRecords([[0, 7]])],
]

function fileWith(test: Test, bytes: Buffer): string {
  const path = join(test.testdir({}), 'archive.tar.gz')
  writeFileSync(path, bytes)
  return path
}

t.test('CIFAR-10: the archive, its folder and the folder around it are the same images', async (t) => {
  const archive = fileWith(t, gzipSync(tarOf(CIFAR10)))
  const outer = join(archive, '..')
  const inner = join(outer, 'cifar-10-batches-bin')
  mkdirSync(inner)
  for (const [name, bytes] of CIFAR10) writeFileSync(join(outer, name), bytes)
  for (const data of [archive, inner, outer]) {
    const { description, train, test, sources, notices } = await loadDataset('cifar10', data)
    t.match(train, { count: 5, height: 32, width: 32, channels: 3, order: 'planes' })
    t.same([...new Int32Array(train.labels)], [0, 1, 2, 4, 9], 'batches in their order, not the archive’s')
    t.same([...new Int32Array(test.labels)], [7])
    const pixels = new Uint8Array(train.images)
    t.ok(pixels.every((value, byte) => value === pixelOf(Math.floor(byte / 3072), byte % 3072)))
    t.ok(new Uint8Array(test.images).every((value, byte) => value === pixelOf(50, byte)))
    t.equal(description.classNames[9], 'truck')
    t.equal(sources.length, data === archive ? 1 : 4)
    t.match(notices.join('\n'), /train has 5 images where cifar10 has 50000/)
  }
})

t.test('CIFAR-100: the fine label is learned', async (t) => {
  const { description, train, test } = await loadDataset('cifar100', fileWith(t, gzipSync(tarOf(CIFAR100))))
  t.same([...new Int32Array(train.labels)], [99, 42])
  t.same([...new Int32Array(test.labels)], [7])
  t.equal(pixelOf(1, 0), new Uint8Array(train.images)[3072])
  t.equal(description.classNames.length, 100, 'built in, as this archive has no list')
  t.equal(new Set(description.classNames).size, 100)
})

t.test('a plain tar and one with class names of its own', async (t) => {
  const [, ...batches] = CIFAR10
  const renamed = tarOf([['x/batches.meta.txt', Buffer.from('a\r\nb\r\nc\nd\ne\nf\ng\nh\ni\nj')], ...batches])
  const { description } = await loadDataset('cifar10', fileWith(t, renamed))
  t.equal(description.classNames.join(''), 'abcdefghij')
})

const good = tarOf(CIFAR10)
const packed = gzipSync(good)
const damagedHeader = Buffer.from(good)
damagedHeader.write('!', 1024 + 40)

function without(name: string): Buffer {
  return gzipSync(tarOf(CIFAR10.filter(([file]) => !file.endsWith(name))))
}

function withBatch(bytes: Buffer): Buffer {
  return gzipSync(tarOf([...CIFAR10, ['cifar-10-batches-bin/data_batch_3.bin', bytes]]))
}

const FAULTS: [name: string, dataset: PublishedName, bytes: Buffer, message: RegExp][] = [
  ['gzip cut off', 'cifar10', packed.subarray(0, packed.length >> 1), /whole gzip file .* cut off/],
  ['tar cut within a file', 'cifar10', gzipSync(good.subarray(0, 3000)), /whole tar archive .* of the 6146 bytes of/],
  ['tar cut between files', 'cifar10', gzipSync(good.subarray(0, 1024)), /whole tar archive .* without its end/],
  ['damaged tar header', 'cifar10', gzipSync(damagedHeader), /tar header at byte 1024 of/],
  ['no archive', 'cifar10', Buffer.from('<html>not found</html>'.repeat(50)), /^Expected a tar archive for/],
  ['empty file', 'cifar10', Buffer.alloc(0), /whole tar archive .* no tar header/],
  ['the other dataset', 'cifar100', packed, /^Expected train\.bin for .* with batches\.meta\.txt, data_batch_2\.bin/],
  ['no test images', 'cifar10', without('test_batch.bin'), /^Expected test_batch\.bin for/],
  ['half a record', 'cifar10', withBatch(Buffer.alloc(5000)), /records of 3073 bytes for data_batch_3\.bin in .* 5000/],
  ['empty batch', 'cifar10', withBatch(Buffer.alloc(0)), /records of 3073 bytes for data_batch_3\.bin in .* 0 bytes/],
  ['label 10', 'cifar10', withBatch(cifarRecords([[1], [10]])), /0 \.\. 9 for record 1 of data_batch_3\.bin .* 10$/],
  [
    'coarse label 20',
    'cifar100',
    tarOf([['train.bin', cifarRecords([[20, 1]])], ...CIFAR100.slice(1)]),
    /0 \.\. 19 for record 0 of train\.bin .* 20$/,
  ],
]

for (const [name, dataset, bytes, message] of FAULTS) {
  t.test(`${name}: the user is told`, async (t) => {
    await t.rejects(loadDataset(dataset, fileWith(t, bytes)), { name: 'UserFault', message, remedy: /\S/ })
  })
}

t.test('a folder without images', async (t) => {
  const message = /neither cifar-10-binary\.tar\.gz nor test_batch\.bin/
  await t.rejects(loadDataset('cifar10', t.testdir({})), { name: 'UserFault', message, remedy: /fetch cifar10/ })
})

t.test('names that climb out of the archive are only names', async (t) => {
  const climbing = CIFAR10.map(([name, bytes]): [string, Buffer] => [`../../../${name}`, bytes])
  const { train } = await loadDataset('cifar10', fileWith(t, gzipSync(tarOf(climbing))))
  t.equal(train.count, 5)
})
