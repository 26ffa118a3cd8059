import { mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { loadDataset } from '../../src/data/datasets/load-dataset.ts'
import { decodeManifest, encodeManifest } from '../../src/data/datasets/shard-manifest.ts'
import { verifyShards } from '../../src/data/datasets/verify-shards.ts'
import { UserFault } from '../../src/vocabulary/fault.ts'
import { randomStream } from '../../src/vocabulary/random.ts'
import { jpegOf } from './made-images.ts'
import { prepareCall } from './prepare-call.ts'

t.setTimeout(120_000)

const folder = t.testdir({ in: { a: {}, b: {} } })
for (const name of ['a', 'b']) {
  for (let image = 0; image < 12; image++) {
    writeFileSync(join(folder, 'in', name, `${image}.jpg`), await jpegOf(image + (name === 'a' ? 0 : 50)))
  }
}
const shards = join(folder, 'shards')
await prepareCall(join(folder, 'in'), shards, { shardBytes: 9000 })
const verify = () => verifyShards(shards, () => undefined, new AbortController().signal)

t.test('what was made is whole', async (t) => {
  t.same(await verify(), { ended: 'done', images: 24, faults: [] })
})

t.test('1,000 flipped bits: all found, each in its file', async (t) => {
  const files = readdirSync(shards).filter((name) => name.endsWith('.shard') || name.endsWith('.index'))
  const stream = randomStream(1, 'order', 0, 0)
  let found = 0
  let named = 0
  for (let flip = 0; flip < 1000; flip++) {
    const file = files[stream.uint32() % files.length] ?? ''
    const path = join(shards, file)
    const bytes = readFileSync(path)
    const damaged = Buffer.from(bytes)
    const at = stream.uint32() % bytes.length
    damaged[at] = (damaged[at] ?? 0) ^ (1 << (stream.uint32() % 8))
    writeFileSync(path, damaged)
    const { faults } = await verify()
    writeFileSync(path, bytes)
    if (faults.length === 1 && faults[0]?.file === file) found++
    if (faults[0]?.image != null) named++
  }
  t.equal(found, 1000)
  t.ok(named > 500, `${named} with the image named`)
})

t.test('a shard that is shorter, or missing', async (t) => {
  const path = join(shards, 'train-00001.shard')
  const bytes = readFileSync(path)
  truncateSync(path, bytes.length - 1)
  t.match((await verify()).faults, [
    { file: 'train-00001.shard', what: /bytes instead of/ },
    { image: /^[ab]\/\d+\.jpg$/ },
  ])
  await t.rejects(loadDataset('image-folder', shards), { name: 'UserFault', message: /train-00001\.shard/ })
  rmSync(path)
  t.match((await verify()).faults, [{ file: 'train-00001.shard', image: null, what: /cannot be read/ }])
  await t.rejects(loadDataset('image-folder', shards), {
    name: 'UserFault',
    message: /bytes for .* but it does not exist/,
  })
  writeFileSync(path, bytes)
  t.same((await verify()).faults, [])
})

t.test('manifests that are none, or lead elsewhere', async (t) => {
  const path = join(shards, 'manifest.json')
  const text = readFileSync(path, 'utf8')
  const changed = text.replace('"train.index"', '"../in/train.index"')
  for (const other of [
    '',
    'null',
    '[]',
    '{"format":1}',
    text.slice(0, -30),
    changed,
    text.replace('shards 2', 'shards 1'),
    text.replace('shards 2', 'shards 3'),
    text.replace(/,\n "sha256": "\w+"\n/, '\n'),
    text.replace(/"count": \d+/, '"count": 7'),
  ]) {
    writeFileSync(path, other)
    await t.rejects(loadDataset('image-folder', shards), { name: 'UserFault', message: /manifest\.json/ })
    await t.rejects(verify(), { name: 'UserFault' })
  }
  writeFileSync(path, text)
})

t.test('each bit of a manifest counts; one of the format before is read without', async (t) => {
  const path = join(shards, 'manifest.json')
  const whole = readFileSync(path)
  const taken: number[] = []
  for (let bit = 0; bit < 8 * whole.length; bit++) {
    const damaged = Buffer.from(whole)
    damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    try {
      decodeManifest(damaged, path)
      taken.push(bit)
    } catch (error) {
      if (!(error instanceof UserFault && error.message.includes(path))) taken.push(bit)
    }
  }
  t.same(taken, [])
  const { sha256, ...before } = JSON.parse(whole.toString())
  t.match(sha256, /^[0-9a-f]{64}$/)
  const format = 'native-ensemble shards 1'
  writeFileSync(path, JSON.stringify({ ...before, format }))
  t.match((await loadDataset('image-folder', shards)).train, { count: before.splits.train.count })
  t.same((await verify()).faults, [])
  writeFileSync(path, whole)
})

t.test('an index that points out of its shards', async (t) => {
  const { sha256 } = await import('../../src/data/datasets/source-file.ts')
  const copy = join(folder, 'copy')
  mkdirSync(copy)
  for (const name of readdirSync(shards)) writeFileSync(join(copy, name), readFileSync(join(shards, name)))
  const index = readFileSync(join(copy, 'train.index'))
  const manifest = decodeManifest(readFileSync(join(copy, 'manifest.json')), 'manifest.json')
  const { train } = manifest.splits
  const { count } = train
  const label = 16 + count * (8 + 4 * 5)
  for (const [at, value] of [
    [16 + count * 8, 99],
    [16 + count * 12, 0x7fffffff],
    [label, 2],
    [label, -1],
  ] as const) {
    const other = Buffer.from(index)
    other.writeInt32LE(value, at)
    writeFileSync(join(copy, 'train.index'), other)
    const changed = { ...train, index: { ...train.index, sha256: sha256(other) } }
    const splits = { ...manifest.splits, train: changed }
    writeFileSync(join(copy, 'manifest.json'), encodeManifest({ ...manifest, splits }))
    await t.rejects(loadDataset('image-folder', copy), { name: 'UserFault', message: /entry 0 of .*train\.index/ })
  }
})
