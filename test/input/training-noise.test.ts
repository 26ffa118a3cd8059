/** Colour jitter, PCA lighting and random erasing of training images. */
import t from 'tap'
import { createNoise, NO_NOISE } from '../../src/data/input/training-noise.ts'

const SIZE = { height: 24, width: 32, channels: 3 }
const BYTES = 24 * 32 * 3

const picture = () => Uint8Array.from({ length: BYTES }, (_, place) => (place * 37 + (place >> 5) * 11) % 256)
const erasedTo = [124, 116, 104]

function noisy(noise: Partial<typeof NO_NOISE>, { seed = 1, epoch = 0, sample = 0, image = picture() } = {}) {
  createNoise({ ...NO_NOISE, erasedTo, ...noise }, SIZE, seed)?.(image, 0, epoch, sample)
  return image
}
const hex = (image: Uint8Array) => Buffer.from(image).toString('hex')

t.test('all off: nothing to be done', (t) => {
  t.equal(createNoise(NO_NOISE, SIZE, 1), null)
  t.throws(() => createNoise({ ...NO_NOISE, colourJitter: 0.4 }, { ...SIZE, channels: 1 }, 1), RangeError)
  t.end()
})

t.test('a function of seed, epoch and sample; each part has its own numbers', (t) => {
  const noise = { colourJitter: 0.4, pcaLighting: 0.1, randomErasing: 0.5 }
  t.equal(hex(noisy(noise)), hex(noisy(noise)))
  const keys = [{ seed: 2 }, { epoch: 1 }, { sample: 1 }]
  t.equal(new Set([{}, ...keys].map((key) => hex(noisy(noise, key)))).size, 4)
  // With the jitter on or off the same rectangle is erased.
  const erased = (image: Uint8Array) =>
    Array.from({ length: BYTES / 3 }, (_, pixel) => pixel).filter((pixel) =>
      erasedTo.every((byte, channel) => image[3 * pixel + channel] === byte),
    )
  const alone = erased(noisy({ randomErasing: 1 }))
  const together = erased(noisy({ randomErasing: 1, colourJitter: 0.4, pcaLighting: 0.1 }))
  t.ok(alone.length > 0)
  t.ok(alone.every((pixel) => together.includes(pixel)))
  t.end()
})

t.test('only the image itself is written', (t) => {
  const pixels = new Uint8Array(3 * BYTES).fill(200)
  createNoise({ ...NO_NOISE, colourJitter: 0.9, pcaLighting: 1, randomErasing: 1 }, SIZE, 1)?.(pixels, BYTES, 0, 0)
  t.ok(pixels.subarray(0, BYTES).every((byte) => byte === 200))
  t.ok(pixels.subarray(2 * BYTES).every((byte) => byte === 200))
  t.notOk(pixels.subarray(BYTES, 2 * BYTES).every((byte) => byte === 200))
  t.end()
})

t.test('jitter: an even grey only becomes lighter or darker, by at most the strength', (t) => {
  const values = new Set<number>()
  for (let sample = 0; sample < 200; sample++) {
    const image = noisy({ colourJitter: 0.4 }, { sample, image: new Uint8Array(BYTES).fill(100) })
    t.equal(new Set(image).size, 1)
    const [value = 0] = image
    values.add(value)
    t.ok(value >= 60 && value <= 140, `${value}`)
  }
  t.ok(values.size > 40)
  t.end()
})

t.test('lighting: one shift a channel, along the principal components', (t) => {
  let squares = [0, 0, 0]
  const images = 2000
  for (let sample = 0; sample < images; sample++) {
    const image = noisy({ pcaLighting: 0.1 }, { sample, image: new Uint8Array(BYTES).fill(128) })
    const shifts = [0, 1, 2].map((channel) => (image[channel] ?? 0) - 128)
    t.ok(image.every((byte, place) => byte === 128 + (shifts[place % 3] ?? 0)) || sample > 20)
    squares = squares.map((sum, channel) => sum + (shifts[channel] ?? 0) ** 2)
  }
  // Standard deviation of a channel: 255 x 0.1 x |(0.2175 v1, 0.0188 v2, 0.0045 v3)| of its row, and rounding's 1/12.
  const wanted = [
    [-0.5675, 0.7192, 0.4009],
    [-0.5808, -0.0045, -0.814],
    [-0.5836, -0.6948, 0.4203],
  ].map(([one = 0, two = 0, three = 0]) =>
    Math.sqrt((25.5 * Math.hypot(0.2175 * one, 0.0188 * two, 0.0045 * three)) ** 2 + 1 / 12),
  )
  for (const [channel, std] of wanted.entries()) {
    const found = Math.sqrt((squares[channel] ?? 0) / images)
    t.ok(Math.abs(found / std - 1) < 0.06, `channel ${channel}: ${found} of ${std}`)
  }
  t.end()
})

t.test('erasing: as often as asked, a rectangle of 2 - 33 %', (t) => {
  let erased = 0
  for (let sample = 0; sample < 1000; sample++) {
    const image = noisy({ randomErasing: 0.25 }, { sample, image: new Uint8Array(BYTES).fill(1) })
    const pixels: number[] = []
    for (let pixel = 0; pixel < BYTES / 3; pixel++) if (image[3 * pixel] === erasedTo[0]) pixels.push(pixel)
    if (pixels.length === 0) continue
    erased++
    const rows = pixels.map((pixel) => Math.floor(pixel / 32))
    const columns = pixels.map((pixel) => pixel % 32)
    const area = (Math.max(...rows) - Math.min(...rows) + 1) * (Math.max(...columns) - Math.min(...columns) + 1)
    t.equal(pixels.length, area)
    t.ok(area > 0.015 * 768 && area < 0.36 * 768, `${area}`)
  }
  t.ok(erased > 200 && erased < 300, `${erased}`)
  t.end()
})
