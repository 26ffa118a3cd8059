/** Odd and broken files through the decode path: right, or refused with a reason; never a crash or a hang. */
import t from 'tap'
import {
  type CropPlan,
  centreCrop,
  type ImageSize,
  PLAN_WORDS,
  planWords,
  randomResizedCrop,
  wholeImage,
} from '../../src/data/images/crop-plan.ts'
import { decodeWhole } from '../../src/data/images/decode-whole.ts'
import { loadImageAddon } from '../../src/data/images/image-addon.ts'
import { createImageDecoder } from '../../src/data/images/image-decoder.ts'
import { resizePixels } from '../../src/data/images/resize-pixels.ts'
import { randomStream } from '../../src/vocabulary/random.ts'
import { badImages, oddImages } from '../datasets/made-images.ts'
import { CROP_CASES, difference, readCropFile } from './crop-cases.ts'

const TARGET = { width: 32, height: 32 }
const SEEDS = [1, 2, 3, 4]
const MUTATIONS = 2000
/** Of one file; a hang would be longer. */
const LONGEST_MS = 2000

const cropOf = (image: ImageSize, seed: number): CropPlan => ({
  ...randomResizedCrop(randomStream(seed, 'augment', 0, 0), image, TARGET),
  scaled: false,
})

t.test('odd images: their whole pixels, resized the same way', async (t) => {
  const decoder = createImageDecoder()
  for (const { name, bytes, width, height } of await oddImages()) {
    const image = { width, height }
    const { pixels } = await decodeWhole(bytes, { failOn: 'error' })
    t.equal(pixels.length, 3 * width * height, name)
    for (const seed of SEEDS) {
      for (const plan of [cropOf(image, seed), centreCrop(image, TARGET)]) {
        const [wanted, target] = [new Uint8Array(3 * 32 * 32), new Uint8Array(3 * 32 * 32)]
        resizePixels(pixels, image, plan, wanted, 0)
        await decoder.decode(bytes, image, plan, target, 0)
        const { mean } = difference(target, wanted)
        t.ok(mean < 0.3, `${name} ${seed}: ${mean}`)
      }
    }
  }
})

t.test('an image of other sizes than its index says is refused', async (t) => {
  const decoder = createImageDecoder()
  const target = new Uint8Array(3 * 200 * 200)
  for (const { name, bytes } of await oddImages()) {
    if (name.startsWith('huge')) continue
    const wrong = { width: 200, height: 200 }
    await t.rejects(async () => await decoder.decode(bytes, wrong, wholeImage(wrong), target, 0), Error, name)
  }
})

t.test('a JPEG without its tables is not decoded with those of the one before', (t) => {
  const addon = loadImageAddon()
  if ('absence' in addon) throw new Error(addon.absence)
  const words = new Int32Array(PLAN_WORDS)
  planWords(wholeImage({ width: 200, height: 150 }), words)
  /** Pixels, or why there are none, of the last of the files that one decoder gets. */
  const decodeLast = (...files: readonly Uint8Array[]): Uint8Array | string => {
    const decoder = new addon.JpegDecoder()
    const pixels = new Uint8Array(3 * 200 * 150)
    try {
      for (const file of files) decoder.decode(file, words, pixels, 0)
      return pixels
    } catch (fault) {
      return fault instanceof Error ? fault.message : ''
    }
  }
  const bytes = Buffer.from(readCropFile('420.jpg'))
  t.match(decodeLast(bytes, withoutSegments(bytes, 0xdb)), /Quantization table .* not defined/)
  // Without Huffman tables libjpeg takes the usual ones, as of a film's frames.
  const [noTables, other] = [withoutSegments(bytes, 0xc4), Buffer.from(readCropFile('restarts.jpg'))]
  t.same(decodeLast(other, noTables), decodeLast(noTables))
  t.end()
})

function withoutSegments(jpeg: Buffer, marker: number): Buffer {
  const at = jpeg.indexOf(Buffer.of(0xff, marker))
  if (at < 0) return jpeg
  return withoutSegments(
    Buffer.concat([jpeg.subarray(0, at), jpeg.subarray(at + 2 + jpeg.readUInt16BE(at + 2))]),
    marker,
  )
}

t.test('broken files: pixels, or a reason in words', async (t) => {
  const decoder = createImageDecoder()
  const image = { width: 200, height: 150 }
  let refused = 0
  for (const { name, bytes } of await badImages()) {
    for (const seed of SEEDS) {
      const began = performance.now()
      try {
        await decoder.decode(bytes, image, cropOf(image, seed), new Uint8Array(3 * 32 * 32), 0)
      } catch (fault) {
        refused++
        t.ok(fault instanceof Error && /\S/.test(fault.message), `${name}: ${fault}`)
      }
      t.ok(performance.now() - began < LONGEST_MS, name)
    }
  }
  // A region decode stops at the last row that it needs: damage behind it is for `prepare` and the checksums to find.
  t.ok(refused >= 8 * SEEDS.length, `${refused} refused`)
})

t.test(`${MUTATIONS} mutations: pixels or a reason, and the next image is right`, (t) => {
  const addon = loadImageAddon()
  if ('absence' in addon) throw new Error(addon.absence)
  const decoder = new addon.JpegDecoder()
  const words = new Int32Array(PLAN_WORDS)
  const run = (bytes: Uint8Array, plan: CropPlan) => {
    const target = new Uint8Array(3 * plan.windowWidth * plan.windowHeight)
    planWords(plan, words)
    decoder.decode(bytes, words, target, 0)
    return target
  }
  const goods = CROP_CASES.filter((_, index) => index % 3 === 0).map(({ file, image }) => {
    const bytes = readCropFile(file)
    return { bytes, image, pixels: run(bytes, cropOf(image, 1)) }
  })
  const before = process.memoryUsage.rss()
  let [decoded, refused, longest] = [0, 0, 0]
  for (let number = 0; number < MUTATIONS; number++) {
    const good = goods[number % goods.length]
    if (good === undefined) throw new Error('no file')
    const began = performance.now()
    try {
      run(mutate(good.bytes, number), { ...cropOf(good.image, number), scaled: number % 2 === 0 })
      decoded++
    } catch (fault) {
      refused++
      if (!(fault instanceof Error && /\S/.test(fault.message))) t.fail(`mutation ${number}: ${fault}`)
    }
    longest = Math.max(longest, performance.now() - began)
  }
  t.ok(longest < LONGEST_MS, `${longest} ms`)
  t.ok(decoded > 100 && refused > 100, `${decoded} decoded, ${refused} refused`)
  t.ok(process.memoryUsage.rss() - before < 200e6)
  for (const { bytes, image, pixels } of goods) t.same(difference(run(bytes, cropOf(image, 1)), pixels).largest, 0)
  t.end()
})

/** Bytes changed, cut off, doubled, or markers put in. */
function mutate(bytes: Uint8Array, number: number): Uint8Array {
  const stream = randomStream(number, 'augment', 7, 7)
  const copy = Uint8Array.from(bytes)
  const place = () => stream.below(copy.length)
  switch (number % 5) {
    case 0:
      copy[place()] = stream.below(256)
      return copy
    case 1:
      for (let change = 0; change < 30; change++) copy[place()] = stream.below(256)
      return copy
    case 2:
      return copy.subarray(0, place())
    case 3: {
      const at = Math.min(place(), copy.length - 2)
      copy.set([0xff, 0xc0 + stream.below(0x40)], at)
      return copy
    }
    default: {
      // The head holds sizes, tables and samplings.
      for (let change = 0; change < 3; change++) copy[stream.below(Math.min(640, copy.length))] = stream.below(256)
      return copy
    }
  }
}
