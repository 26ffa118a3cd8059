/** Each decoder against Pillow, and against each other. */
import t from 'tap'
import { type CropPlan, wholeImage } from '../../src/data/images/crop-plan.ts'
import { loadImageAddon } from '../../src/data/images/image-addon.ts'
import { createImageDecoder, type JpegDecoderName } from '../../src/data/images/image-decoder.ts'
import { loadPrebuiltJpeg } from '../../src/data/images/prebuilt-jpeg.ts'
import { resizePixels } from '../../src/data/images/resize-pixels.ts'
import { CROP_CASES, type CropCase, difference, pillowPixels, readCropFile, windowBytes } from './crop-cases.ts'

/** In a target with room before and behind, whose bytes must stay as they are. */
async function decode(name: JpegDecoderName, { file, image }: CropCase, plan: CropPlan): Promise<Uint8Array> {
  const offset = 5
  const target = new Uint8Array(new SharedArrayBuffer(windowBytes(plan) + 2 * offset)).fill(99)
  await createImageDecoder(name).decode(readCropFile(file), image, plan, target, offset)
  t.same([...target.subarray(0, offset), ...target.subarray(-offset)], Array(2 * offset).fill(99))
  return target.slice(offset, -offset)
}

const decoders: JpegDecoderName[] = ['libjpeg-turbo addon', 'sharp']
// An optional package: `npm install --no-save @julusian/jpeg-turbo`.
if (!('absence' in loadPrebuiltJpeg())) decoders.push('@julusian/jpeg-turbo')

t.test("the addon's crops are Pillow's", async (t) => {
  t.notOk('absence' in loadImageAddon(), 'the addon is built')
  let sum = 0
  for (const [index, one] of CROP_CASES.entries()) {
    const { mean, largest } = difference(await decode('libjpeg-turbo addon', one, one.plan), await pillowPixels(index))
    // Where it costs less Pillow 13 resizes the columns first: a quarter of the bytes are then rounded the other way.
    t.ok(mean < 0.3 && largest <= 1, `${one.file} ${index}: mean ${mean.toFixed(4)}, largest ${largest}`)
    sum += mean
  }
  t.ok(sum / CROP_CASES.length < 0.1, `${sum / CROP_CASES.length}`)
})

t.test('other decoders: the same crops, where they take the file', async (t) => {
  for (const name of decoders) {
    for (const [index, one] of CROP_CASES.entries()) {
      // The prebuilt package takes no inks.
      if (name === '@julusian/jpeg-turbo' && one.file === 'inks.jpg') continue
      const { mean } = difference(await decode(name, one, one.plan), await pillowPixels(index))
      t.ok(mean < 0.3, `${name}, ${one.file} ${index}: mean ${mean.toFixed(4)}`)
    }
  }
})

t.test('a scaled decode: within 0.6 of the full one, mirrored or not', async (t) => {
  const [one] = CROP_CASES.filter(({ file }) => file === 'large.jpg')
  if (one === undefined) throw new Error('no large picture')
  const means: number[] = []
  for (const side of [100, 60, 50, 40, 20]) {
    for (const [left, top, width, height] of [
      [0, 0, 640, 427],
      [17, 9, 613, 411],
      [101, 3, 450, 422],
    ] as const) {
      for (const flip of [false, true]) {
        const plan = {
          ...wholeImage({ width: side, height: side }),
          ...{ left, top, width, height, flip },
        }
        const full = await decode('libjpeg-turbo addon', one, plan)
        const scaled = await decode('libjpeg-turbo addon', one, { ...plan, scaled: true })
        const { mean } = difference(full, scaled)
        t.ok(mean > 0 && mean < 0.8, `${side} of ${width} x ${height}: ${mean.toFixed(3)}`)
        means.push(mean)
      }
    }
  }
  const mean = means.reduce((sum, one) => sum + one, 0) / means.length
  t.ok(mean < 0.6, `${mean}`)
})

t.test('every vector code of the addon, its plain code and TypeScript: the same bytes', (t) => {
  const addon = loadImageAddon()
  if ('absence' in addon) throw new Error(addon.absence)
  t.equal(addon.vectors.at(-1), 'none')
  const decoders = addon.vectors.map((vectors) => ({ vectors, decoder: new addon.JpegDecoder(vectors) }))
  const fast = new addon.JpegDecoder()
  const words = ({ flip, scaled, ...rest }: CropPlan) => Int32Array.from([...Object.values(rest), +flip, +scaled])
  const faults: string[] = []
  const run = (decoder: typeof fast, bytes: Uint8Array, plan: CropPlan) => {
    const target = new Uint8Array(windowBytes(plan) + 1)
    target[windowBytes(plan)] = 99
    t.equal(decoder.decode(bytes, words(plan), target, 0), 0)
    t.equal(target[windowBytes(plan)], 99)
    return target.subarray(0, windowBytes(plan))
  }
  for (const { file, image } of CROP_CASES.filter((_, index) => index % 3 === 0)) {
    const bytes = readCropFile(file)
    const whole = run(fast, bytes, wholeImage(image))
    for (let seed = 0; seed < 60; seed++) {
      const plan = randomPlan(seed, image.width, image.height)
      const wanted = new Uint8Array(windowBytes(plan))
      resizePixels(whole, image, plan, wanted, 0)
      for (const { vectors, decoder } of decoders) {
        if (Buffer.compare(run(decoder, bytes, plan), wanted) !== 0) {
          faults.push(`${vectors}: ${file} ${JSON.stringify(plan)}`)
        }
      }
    }
  }
  t.same(faults, [])
  t.end()
})

/** Any box, any size of 1 - 90 pixels, any window in it. */
function randomPlan(seed: number, width: number, height: number): CropPlan {
  let state = seed * 7919 + width
  const below = (limit: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * limit)
  }
  const part = (whole: number): [number, number] => {
    const length = 1 + below(whole)
    return [below(whole - length + 1), length]
  }
  const [left, boxWidth] = part(width)
  const [top, boxHeight] = part(height)
  const [resizedWidth, resizedHeight] = [1 + below(90), 1 + below(90)]
  const [windowLeft, windowWidth] = part(resizedWidth)
  const [windowTop, windowHeight] = part(resizedHeight)
  const box = { left, top, width: boxWidth, height: boxHeight, resizedWidth, resizedHeight }
  return { ...box, windowLeft, windowTop, windowWidth, windowHeight, flip: below(2) === 1, scaled: false }
}
