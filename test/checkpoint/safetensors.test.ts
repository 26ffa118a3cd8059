import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { type NamedTensor, readSafetensors, writeSafetensors } from '../../src/train/checkpoint/safetensors.ts'
import { UserFault } from '../../src/vocabulary/fault.ts'
import { fixturePath } from '../fixtures-folder.ts'

/** A file of any header text and data, as a damaged or foreign writer might leave it. */
function fileOf(header: string | object, data: Uint8Array): Uint8Array {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(json.byteLength))
  return Buffer.concat([length, json, data])
}

const entry = (dtype: string, shape: number[], begin: number, end: number) => ({
  dtype,
  shape,
  data_offsets: [begin, end],
})

const tensors: NamedTensor[] = [
  { name: 'fc.weight', shape: [2, 3], data: Float32Array.of(1, -2.5, 3e-30, 0, -0, 6) },
  { name: 'bn1.running_mean', shape: [1], data: Float32Array.of(7) },
  { name: 'scalar', shape: [], data: Float32Array.of(8) },
  { name: 'empty', shape: [0, 4], data: new Float32Array(0) },
  { name: '2', shape: [1], data: Float32Array.of(9) },
]

t.test('what is written is read again, by name', async (t) => {
  const path = join(t.testdir(), 'a.safetensors')
  await writeSafetensors(path, tensors, { format: 'pt' })
  const read = await readSafetensors(path)
  t.same(
    read.map(({ name }) => name),
    ['2', 'bn1.running_mean', 'empty', 'fc.weight', 'scalar'],
  )
  for (const { name, shape, data } of tensors) {
    t.same(
      read.find((tensor) => tensor.name === name),
      { name, shape, dtype: 'F32', data },
    )
  }
})

t.test('data begin on 8 bytes, whatever the length of the names', async (t) => {
  const folder = t.testdir()
  for (let length = 1; length <= 9; length++) {
    const path = join(folder, `${length}.safetensors`)
    await writeSafetensors(path, [{ name: 'n'.repeat(length), shape: [1], data: Float32Array.of(length) }])
    const header = (await readFile(path)).readBigUInt64LE(0)
    t.equal(header % 8n, 0n)
    t.equal((await readSafetensors(path))[0]?.data[0], length)
  }
})

function partsOf(file: Buffer): { header: Record<string, Record<string, unknown>>; data: Buffer } {
  const begin = 8 + Number(file.readBigUInt64LE(0))
  return { header: JSON.parse(file.toString('utf8', 8, begin)), data: file.subarray(begin) }
}

t.test(
  'a file of the Python package is read, and written again with the same bytes behind the same header',
  async (t) => {
    const path = fixturePath('checkpoint/python.safetensors')
    const read = await readSafetensors(path)
    t.same(
      read.map(({ name, shape }) => ({ name, shape })),
      [
        { name: 'bn1.bias', shape: [3] },
        { name: 'conv1.weight', shape: [2, 3, 1, 1] },
        { name: 'ünïcode "quoted"', shape: [] },
      ],
    )
    t.same(read[1]?.data, Float32Array.of(0, 0.25, 0.5, 0.75, 1, 1.25))
    const ours = join(t.testdir(), 'ours.safetensors')
    await writeSafetensors(ours, read, { format: 'pt' })
    const [own, theirs] = [partsOf(await readFile(ours)), partsOf(await readFile(path))]
    const {
      'native-ensemble': format,
      'native-ensemble-crc32': checksum,
      ...metadata
    } = own.header['__metadata__'] ?? {}
    t.match([format, checksum], ['1', /^[0-9a-f]{8}$/], 'what their readers pass over')
    t.same({ ...own.header, __metadata__: metadata }, theirs.header)
    t.same(own.data, theirs.data)
  },
)

t.test('F16 and BF16 are widened exactly', async (t) => {
  const path = join(t.testdir(), 'halves.safetensors')
  // f16: 1, -2, 65504 (largest), 2^-24 (smallest), infinity, 0.333251953125; bf16: 1, -0.0078125, 3.140625
  const halves = Uint16Array.of(0x3c00, 0xc000, 0x7bff, 0x0001, 0x7c00, 0x3555, 0x3f80, 0xbc00, 0x4049)
  const header = { h: entry('F16', [6], 0, 12), b: entry('BF16', [3], 12, 18) }
  await writeFile(path, fileOf(header, new Uint8Array(halves.buffer)))
  const [b, h] = await readSafetensors(path)
  t.same(h?.data, Float32Array.of(1, -2, 65504, 2 ** -24, Number.POSITIVE_INFINITY, 0.333251953125))
  t.same(b?.data, Float32Array.of(1, -0.0078125, 3.140625))
})

t.test('tensors of other types are refused by name, unless they are passed over', async (t) => {
  const path = join(t.testdir(), 'counter.safetensors')
  const header = { 'bn.num_batches_tracked': entry('I64', [], 0, 8), w: entry('F32', [1], 8, 12) }
  await writeFile(path, fileOf(header, new Uint8Array(12)))
  await t.rejects(readSafetensors(path), { name: 'UserFault', message: /bn\.num_batches_tracked \(I64\)/ })
  const read = await readSafetensors(path, { ignore: (name) => name.endsWith('num_batches_tracked') })
  t.same(
    read.map(({ name }) => name),
    ['w'],
  )
})

t.test('damaged files are refused with what is wrong', async (t) => {
  const folder = t.testdir()
  const whole = fileOf({ a: entry('F32', [2], 0, 8), b: entry('F32', [1], 8, 12) }, new Uint8Array(12))
  const tooLong = Buffer.alloc(16)
  tooLong.writeBigUInt64LE(2n ** 40n)
  const cases: [name: string, bytes: Uint8Array, message: RegExp][] = [
    ['nothing', new Uint8Array(0), /0 bytes/],
    ['length only', whole.subarray(0, 8), /header is said to have/],
    ['huge header', tooLong, /header is said to have 1099511627776 bytes/],
    ['cut header', whole.subarray(0, 20), /header is said to have/],
    ['cut data', whole.subarray(0, whole.byteLength - 1), /describes 12 bytes of tensors and the file holds 11/],
    ['bytes behind', Buffer.concat([whole, new Uint8Array(4)]), /4 bytes lie behind/],
    ['not JSON', fileOf('{"a": ', new Uint8Array(0)), /not valid JSON/],
    ['not an object', fileOf('[1, 2]', new Uint8Array(0)), /does not begin with \{/],
    [
      'overlap',
      fileOf({ a: entry('F32', [2], 0, 8), b: entry('F32', [1], 4, 8) }, new Uint8Array(8)),
      /b begins at byte 4/,
    ],
    [
      'hole',
      fileOf({ a: entry('F32', [1], 0, 4), b: entry('F32', [1], 8, 12) }, new Uint8Array(12)),
      /b begins at byte 8/,
    ],
    ['size', fileOf({ a: entry('F32', [3], 0, 8) }, new Uint8Array(8)), /a of F32 \[3\] has 8 bytes/],
    ['type', fileOf({ a: entry('F33', [2], 0, 8) }, new Uint8Array(8)), /unknown type "F33"/],
    ['shape', fileOf({ a: entry('F32', [-2], 0, 8) }, new Uint8Array(8)), /no valid shape/],
    [
      'offsets',
      fileOf({ a: { dtype: 'F32', shape: [2], data_offsets: [0] } }, new Uint8Array(8)),
      /no valid data_offsets/,
    ],
    ['metadata', fileOf({ __metadata__: { step: 3 } }, new Uint8Array(0)), /__metadata__\.step is not a string/],
    ['zip archive', Buffer.from('PK\x03\x04 a PyTorch .pt file, for example'), /header is said to have/],
  ]
  for (const [name, bytes, message] of cases) {
    const path = join(folder, `${name}.safetensors`)
    await writeFile(path, bytes)
    await t.rejects(readSafetensors(path), { name: 'UserFault', message, remedy: /save_file/ }, name)
  }
  await t.rejects(readSafetensors(join(folder, 'none')), { name: 'UserFault', message: /does not exist/ })
  await t.rejects(writeSafetensors(join(folder, 'no', 'folder'), tensors), UserFault)
})
