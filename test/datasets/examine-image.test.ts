import t from 'tap'
import { examineImage } from '../../src/data/datasets/prepare/examine-image.ts'
import { randomStream } from '../../src/vocabulary/random.ts'
import { badImages, jpegOf, oddImages } from './made-images.ts'

t.setTimeout(580_000)

const jpegs = await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map((seed) => jpegOf(seed, 60, 45)))
const others = (await oddImages()).filter(({ width }) => width <= 64).map(({ bytes }) => bytes)
const seeds = [...jpegs, ...others]
const MUTATIONS = 2000

/** One of: changed bytes, a piece cut out, doubled, zeroed or set to a marker, the end cut off. */
function mutate(bytes: Buffer, number: number): Buffer {
  const stream = randomStream(7, 'order', 0, number)
  const below = (limit: number) => stream.uint32() % Math.max(1, limit)
  const at = below(bytes.length)
  const piece = 1 + below(64)
  switch (number % 6) {
    case 0: {
      const copy = Buffer.from(bytes)
      for (let change = 0; change < 1 + below(8); change++) copy[below(copy.length)] = below(256)
      return copy
    }
    case 1:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + piece)])
    case 2:
      return Buffer.concat([bytes.subarray(0, at + piece), bytes.subarray(at)])
    case 3:
      return Buffer.from(bytes).fill(0, at, Math.min(bytes.length, at + piece))
    case 4: {
      const copy = Buffer.concat([bytes])
      copy.set([0xff, 0xc0 + below(64)].slice(0, copy.length - at), at)
      return copy
    }
    default:
      return bytes.subarray(0, at)
  }
}

t.test(`${MUTATIONS} mutations: each is either an image with a size or bad with a reason`, async (t) => {
  let bad = 0
  const wrong: string[] = []
  const before = process.memoryUsage.rss()
  for (let number = 0; number < MUTATIONS; number++) {
    const bytes = mutate(seeds[number % seeds.length] ?? Buffer.alloc(0), number)
    const image = await examineImage(bytes, 'image.jpg', 'original')
    if (image.kind === 'bad') {
      bad++
      if (image.reason.trim() === '' || image.reason.includes('\n')) wrong.push(`${number}: ${image.reason}`)
    } else if (!(image.width > 0 && image.height > 0 && image.bytes === bytes)) wrong.push(`${number}: no size`)
  }
  t.same(wrong, [])
  t.ok(bad > MUTATIONS / 4, `${bad} bad`)
  t.ok(process.memoryUsage.rss() - before < 300e6, 'memory stays')
})

t.test('of a JPEG every cut is found', async (t) => {
  const [jpeg = Buffer.alloc(0)] = jpegs
  const passed: number[] = []
  for (let length = 0; length < jpeg.length; length += 7) {
    if ((await examineImage(jpeg.subarray(0, length), 'cut.jpg', 'original')).kind === 'good') passed.push(length)
  }
  t.same(passed, [])
})

t.test('bad images stay bad when they are encoded again', async (t) => {
  const encoding = { format: 'jpeg', shortSide: 20, quality: 90 } as const
  for (const { name, bytes } of await badImages()) {
    t.equal((await examineImage(bytes, name, encoding)).kind, 'bad', name)
  }
  for (const { name, bytes, width, height } of await oddImages()) {
    const image = await examineImage(bytes, name, encoding)
    const short = Math.min(20, width, height)
    if (image.kind === 'bad') t.fail(`${name}: ${image.reason}`)
    else t.equal(Math.min(image.width, image.height), short, name)
  }
})
