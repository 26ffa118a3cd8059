import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import sharp from 'sharp'
import t, { type Test } from 'tap'
import { loadDataset } from '../../src/data/datasets/load-dataset.ts'
import { badImages, jpegOf, oddImages } from './made-images.ts'
import { imagesOf, prepareCall } from './prepare-call.ts'

t.setTimeout(120_000)

/** Class folders of so many JPEGs each; image i of class c is drawn from its own number. */
async function pictures(test: Test, counts: Readonly<Record<string, number>>, inside = ''): Promise<string> {
  const folder = test.testdir({})
  for (const [place, [name, count]] of Object.entries(counts).entries()) {
    mkdirSync(join(folder, 'in', inside, name), { recursive: true })
    for (let image = 0; image < count; image++) {
      writeFileSync(join(folder, 'in', inside, name, `${image}.jpg`), await jpegOf(100 * place + image))
    }
  }
  return folder
}

t.test('class folders: the bytes, labels, sizes and checksums of every image', async (t) => {
  const folder = await pictures(t, { zebra: 6, ant: 11, 'big cat': 3 })
  const out = join(folder, 'deep', 'shards')
  const result = await prepareCall(join(folder, 'in'), out, { validation: 0.3, shardBytes: 6000, processes: 2 })
  t.match(result, { ended: 'done', images: { train: 14, test: 6 }, classes: 3, bad: [], formats: { jpeg: 20 } })
  const { description, train, test, sources } = await loadDataset('image-folder', out)
  t.match(description, { name: 'image-folder', classNames: ['ant', 'big cat', 'zebra'], height: 32, width: 32 })
  t.ok(train.shards.length > 1, 'several shards')
  t.same(
    sources.map(({ path }) => path.split('/').at(-1)),
    ['manifest.json', 'train.index', 'test.index'],
  )
  const files = new Map<string, number>()
  for (const [label, name] of description.classNames.entries()) {
    for (const file of readdirSync(join(folder, 'in', name))) {
      files.set(readFileSync(join(folder, 'in', name, file), 'latin1'), label)
    }
  }
  for (const { bytes, checksum, width, height, label } of [...imagesOf(train), ...imagesOf(test)]) {
    t.equal(files.get(bytes.toString('latin1')), label, 'the original bytes, with their label')
    files.delete(bytes.toString('latin1'))
    t.same([checksum, width, height], [crc32(bytes), 40, 30])
  }
  t.equal(files.size, 0, 'each image once')
  t.same(new Set(new Int32Array(test.labels)), new Set([0, 1, 2]), 'test images of each class')
  t.notOk(existsSync(`${out}.unfinished`))
  t.notOk(existsSync(join(out, 'work')))
})

t.test('the same images and options give the same bytes, whatever the number of processes', async (t) => {
  const folder = await pictures(t, { a: 9, b: 7 })
  for (const processes of [1, 3]) {
    await prepareCall(join(folder, 'in'), join(folder, `out-${processes}`), { shardBytes: 3000, processes })
  }
  const names = readdirSync(join(folder, 'out-1')).sort()
  t.same(readdirSync(join(folder, 'out-3')).sort(), names)
  for (const name of names) {
    t.ok(readFileSync(join(folder, 'out-1', name)).equals(readFileSync(join(folder, 'out-3', name))), name)
  }
})

t.test('train/ and val/', async (t) => {
  const folder = await pictures(t, { a: 3, b: 2 }, 'train')
  mkdirSync(join(folder, 'in', 'val', 'b'), { recursive: true })
  writeFileSync(join(folder, 'in', 'val', 'b', 'x.jpeg'), await jpegOf(77))
  writeFileSync(join(folder, 'in', 'val', 'b', 'notes.txt'), 'no image')
  const { notices } = await prepareCall(join(folder, 'in'), join(folder, 'out'))
  t.match(notices, ['Left out, no images by their names: 1 (b/notes.txt)'])
  const { train, test } = await loadDataset('image-folder', join(folder, 'out'))
  t.same([...new Int32Array(train.labels)], [0, 0, 0, 1, 1])
  t.same(imagesOf(test)[0]?.bytes, await jpegOf(77))
  t.same([...new Int32Array(test.labels)], [1])
  await t.rejects(prepareCall(join(folder, 'in'), join(folder, 'more'), { validation: 0.2 }), {
    name: 'UserFault',
    message: /no --validation/,
  })
  mkdirSync(join(folder, 'in', 'val', 'c'))
  await t.rejects(prepareCall(join(folder, 'in'), join(folder, 'more')), {
    name: 'UserFault',
    message: /^Expected a class that is trained .* received c$/,
  })
})

t.test('odd images come out right', async (t) => {
  const folder = await pictures(t, { b: 2 })
  mkdirSync(join(folder, 'in', 'a'))
  const odd = await oddImages()
  for (const { name, bytes } of odd) writeFileSync(join(folder, 'in', 'a', name), bytes)
  const result = await prepareCall(join(folder, 'in'), join(folder, 'out'))
  t.same(result.bad, [])
  const { train, test } = await loadDataset('image-folder', join(folder, 'out'))
  const made = [...imagesOf(train), ...imagesOf(test)]
  for (const { name, bytes, width, height, what } of odd) {
    const found = made.find((image) => image.bytes.equals(bytes))
    t.match(found, { width, height, label: 0 }, name)
    const said = result.odd.filter((one) => one.name === `a/${name}`).map((one) => one.what)
    if (what === null) t.same(said, [], name)
    else t.match(said.join(), what, name)
  }
  const formats = Object.entries(result.formats)
  t.equal(
    formats.reduce((sum, [, count]) => sum + count, 0),
    odd.length + 2,
  )
  t.match(result.formats, { 'jpeg, CMYK': 1, 'jpeg, grey': 1, png: 2, webp: 1, gif: 1 })
})

t.test('bad images: fail, report, skip', async (t) => {
  const folder = await pictures(t, { good: 4, other: 4 })
  const bad = await badImages()
  for (const { name, bytes } of bad) writeFileSync(join(folder, 'in', 'good', name), bytes)
  const [source, out] = [join(folder, 'in'), join(folder, 'out')]

  const reported = await prepareCall(source, out, { onBad: 'report' })
  t.same(readdirSync(folder), ['in'], 'report writes nothing')
  t.same(reported.bad.map(({ name }) => name).sort(), bad.map(({ name }) => `good/${name}`).sort())
  for (const { name, reason } of bad)
    t.match(reported.bad.find((one) => one.name === `good/${name}`)?.reason, reason, name)

  await t.rejects(prepareCall(source, out), {
    name: 'UserFault',
    message: new RegExp(`${bad.length} that are not:[^]*good/half\\.jpg: premature end`),
    remedy: /--on-bad skip/,
  })
  t.notOk(existsSync(out), 'fail makes no shards')
  const before = readdirSync(`${out}.unfinished`)
  const skipped = await prepareCall(source, out, { onBad: 'skip' })
  t.ok(before.includes('train-00000.shard'), 'and keeps what was done')
  t.same(skipped.images.train + skipped.images.test, 8)
  const { notices, train, test } = await loadDataset('image-folder', out)
  t.equal(train.count + test.count, 8)
  t.match(notices.join(), new RegExp(`${bad.length} damaged images were left out`))
  const { bad: listed } = JSON.parse(readFileSync(join(out, 'manifest.json'), 'utf8'))
  // Of two faults that libpng sees, either may be told.
  t.match(
    listed,
    reported.bad.map(({ name }) => ({ name, reason: /\S/ })),
  )
})

t.test('encoded again, only where it was asked for', async (t) => {
  const folder = await pictures(t, { a: 2, b: 2 })
  writeFileSync(
    join(folder, 'in', 'a', 'large.png'),
    await sharp(await jpegOf(5, 300, 200))
      .png()
      .toBuffer(),
  )
  writeFileSync(join(folder, 'in', 'a', 'half.jpg'), (await jpegOf(6, 300, 200)).subarray(0, 3000))
  const encoding = { format: 'jpeg', shortSide: 64, quality: 80 } as const
  const result = await prepareCall(join(folder, 'in'), join(folder, 'out'), { encoding, onBad: 'skip' })
  t.match(result.bad, [{ name: 'a/half.jpg', reason: /premature end/ }])
  const manifest = JSON.parse(readFileSync(join(folder, 'out', 'manifest.json'), 'utf8'))
  t.same(manifest.encoding, encoding)
  const { train, test } = await loadDataset('image-folder', join(folder, 'out'))
  const sizes = [...imagesOf(train), ...imagesOf(test)].map(({ width, height }) => `${width}x${height}`).sort()
  t.same(sizes, ['40x30', '40x30', '40x30', '40x30', '96x64'], 'smaller ones stay as large as they are')
  for (const { bytes } of imagesOf(train)) t.equal((await sharp(bytes).metadata()).format, 'jpeg')
})

t.test('what cannot be prepared is told before any work', async (t) => {
  const folder = await pictures(t, { a: 2, b: 2 })
  const source = join(folder, 'in')
  mkdirSync(join(folder, 'one', 'class'), { recursive: true })
  mkdirSync(join(folder, 'zip'))
  writeFileSync(join(folder, 'zip', 'images.tar.gz'), '')
  mkdirSync(join(folder, 'full'))
  writeFileSync(join(folder, 'full', 'file'), 'mine')
  const out = join(folder, 'out')
  const faults: [source: string, out: string, message: RegExp][] = [
    [join(folder, 'none'), out, /it does not exist/],
    [join(folder, 'full', 'file'), out, /^Expected a folder for the source/],
    [join(folder, 'full'), out, /no class folders/],
    [join(folder, 'zip'), out, /images\.tar\.gz, which is none of the official archives/],
    [join(folder, 'one'), out, /2 or more class folders/],
    [source, join(folder, 'full'), /new or empty folder/],
    [source, join(folder, 'full', 'file'), /^Expected a folder for the shards/],
    [source, join(folder, 'full', 'file', 'below'), /^Expected a folder for the shards/],
  ]
  for (const [from, to, message] of faults) {
    await t.rejects(prepareCall(from, to), { name: 'UserFault', message, remedy: /\S/ }, String(message))
  }
  t.same(readdirSync(folder).sort(), ['full', 'in', 'one', 'zip'])
  t.equal(readFileSync(join(folder, 'full', 'file'), 'utf8'), 'mine')
})

t.test('raw images are refused where shards are needed', async (t) => {
  const folder = await pictures(t, { a: 2, b: 2 })
  for (const data of [join(folder, 'in'), join(folder, 'in', 'a', '0.jpg'), join(folder, 'none')]) {
    await t.rejects(loadDataset('image-folder', data), { name: 'UserFault', remedy: /native-ensemble prepare/ })
  }
  await prepareCall(join(folder, 'in'), join(folder, 'out'))
  await t.rejects(loadDataset('imagenet', join(folder, 'out')), {
    name: 'UserFault',
    message: /^Expected shards of ILSVRC2012 .* first class is a/,
    remedy: /image-folder/,
  })
})
