/**
 * The resize of a crop in plain TypeScript: slow twin of native/images, byte for byte, and what is used for images that
 * other packages decode. Pillow's antialiased bilinear filter in whole numbers: the horizontal pass first, rounded to bytes,
 * then the vertical one.
 */
import type { CropPlan, ImageSize } from './crop-plan.ts'

/** Weights along one axis, over pixels of the image decoded whole. */
export interface AxisWeights {
  /** Binary digits after the point. */
  readonly shift: number
  /** Of each output: its first pixel, and its weights, whose sum is 1 << shift. */
  readonly outputs: readonly { readonly first: number; readonly weights: readonly number[] }[]
}

/**
 * As Pillow computes them (Image.resize with BILINEAR): a triangle as wide as two pixels of the image, or of the result
 * where the image shrinks.
 * @param start first pixel of the box, `length` its pixels, `resized` its pixels afterwards
 * @param window first output wanted and how many
 */
function axisWeights(
  start: number,
  length: number,
  resized: number,
  window: readonly [first: number, count: number],
  mirrored: boolean,
): AxisWeights {
  const scale = length / resized
  const support = Math.max(scale, 1)
  const [windowStart, count] = window
  let largest = 0
  const exact = Array.from({ length: count }, (_, place) => {
    const along = mirrored ? count - 1 - place : place
    const centre = start + (windowStart + along + 0.5) * scale
    const from = Math.max(start, Math.trunc(centre - support + 0.5))
    const to = Math.min(start + length, Math.trunc(centre + support + 0.5))
    const weights: number[] = []
    let sum = 0
    for (let pixel = from; pixel < to; pixel++) {
      const distance = Math.abs((pixel - centre + 0.5) / support)
      const weight = distance < 1 ? 1 - distance : 0
      weights.push(weight)
      sum += weight
    }
    const normalised = weights.map((weight) => weight / sum)
    largest = Math.max(largest, ...normalised)
    return { first: from, weights: normalised }
  })
  // As many digits as a signed word of 16 bits holds.
  const shift = largest < 0.99 ? 15 : 14
  const outputs = exact.map(({ first, weights }) => ({ first, weights: wholeNumbers(weights, 1 << shift) }))
  return { shift, outputs }
}

/** What rounding took or added goes to the heaviest: an even area keeps its value. */
function wholeNumbers(weights: readonly number[], one: number): number[] {
  const words = weights.map((weight) => Math.floor(weight * one + 0.5))
  const heaviest = weights.reduce((best, weight, tap) => (weight > (weights[best] ?? 0) ? tap : best), 0)
  const sum = words.reduce((total, word) => total + word, 0)
  words[heaviest] = (words[heaviest] ?? 0) + one - sum
  return words
}

/**
 * @param pixels the image decoded whole, [height, width, 3] u8
 * @param target receives the plan's window at `offset`
 */
export function resizePixels(
  pixels: Uint8Array,
  image: ImageSize,
  plan: CropPlan,
  target: Uint8Array,
  offset: number,
): void {
  const { windowLeft, windowTop, windowWidth, windowHeight } = plan
  const across = axisWeights(plan.left, plan.width, plan.resizedWidth, [windowLeft, windowWidth], plan.flip)
  const down = axisWeights(plan.top, plan.height, plan.resizedHeight, [windowTop, windowHeight], false)
  const rowBytes = windowWidth * 3
  // The rows of the box that the window needs, resized in width.
  const firstRow = Math.min(...down.outputs.map(({ first }) => first))
  const endRow = Math.max(...down.outputs.map(({ first, weights }) => first + weights.length))
  const narrowed = new Uint8Array((endRow - firstRow) * rowBytes)
  for (let row = firstRow; row < endRow; row++) {
    blendColumns(pixels, row * image.width * 3, across, narrowed, (row - firstRow) * rowBytes)
  }
  const half = 1 << (down.shift - 1)
  for (const [place, { first, weights }] of down.outputs.entries()) {
    const source = (first - firstRow) * rowBytes
    for (let byte = 0; byte < rowBytes; byte++) {
      let sum = half
      for (let tap = 0; tap < weights.length; tap++) {
        sum += (weights[tap] ?? 0) * (narrowed[source + tap * rowBytes + byte] ?? 0)
      }
      target[offset + place * rowBytes + byte] = sum >> down.shift
    }
  }
}

/** One row: `source` and `to` are the bytes at which it begins. */
function blendColumns(
  pixels: Uint8Array,
  source: number,
  { shift, outputs }: AxisWeights,
  target: Uint8Array,
  to: number,
): void {
  const half = 1 << (shift - 1)
  for (let place = 0; place < outputs.length; place++) {
    const output = outputs[place]
    if (output === undefined) return
    const { first, weights } = output
    for (let channel = 0; channel < 3; channel++) {
      let sum = half
      for (let tap = 0; tap < weights.length; tap++) {
        sum += (weights[tap] ?? 0) * (pixels[source + (first + tap) * 3 + channel] ?? 0)
      }
      target[to + place * 3 + channel] = sum >> shift
    }
  }
}
