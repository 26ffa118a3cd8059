/**
 * What may be done to a training image behind its crop: an augmentation policy, colour jitter, PCA lighting and random erasing,
 * in this order. The numbers of the last three are the stream (seed, 'colour', epoch, sample), drawn whether a part is on or not.
 */
import { type RandomStream, randomStream } from '../../vocabulary/random.ts'
import type { InputSize } from './augmentation.ts'
import type { MixingOptions } from './mixing.ts'
import { createPolicy, type PolicyOptions } from './policy/augment-policy.ts'

export interface TrainingNoise extends MixingOptions, PolicyOptions {
  /** Factors of brightness, contrast and saturation lie in 1 - s .. 1 + s, applied in a random order; 0 = off. */
  readonly colourJitter: number
  /** Standard deviation of the steps along the principal components; 0 = off. */
  readonly pcaLighting: number
  /** Part of the images in which a rectangle is erased. */
  readonly randomErasing: number
  /** Bytes of the colour it is erased to: the dataset's mean, which the network sees as zero. */
  readonly erasedTo: readonly number[]
}

export const NO_NOISE: TrainingNoise = {
  augmentPolicy: 'none',
  augmentMagnitude: 0,
  augmentOps: 0,
  colourJitter: 0,
  pcaLighting: 0,
  randomErasing: 0,
  erasedTo: [0, 0, 0],
  mixup: 0,
  cutmix: 0,
}

/** Changes an image of [height, width, channels] u8 at `offset` in place. */
export type AddNoise = (pixels: Uint8Array, offset: number, epoch: number, draw: number) => void

/**
 * Roots of the eigenvalues and the eigenvectors (columns) of the colours of ImageNet's pixels of 0..1: "ImageNet
 * Classification with Deep Convolutional Neural Networks" (NIPS 2012), section 4.1, figures as Torch's fb.resnet.torch has them.
 */
const COMPONENT_LENGTHS = [0.2175, 0.0188, 0.0045] as const
const COMPONENTS = [
  [-0.5675, 0.7192, 0.4009],
  [-0.5808, -0.0045, -0.814],
  [-0.5836, -0.6948, 0.4203],
] as const

/** ITU-R 601, as everywhere. */
const GREY = [0.299, 0.587, 0.114] as const

/** "Random Erasing Data Augmentation" (AAAI 2020), with torchvision's limits. */
const ERASED_AREA = [0.02, 0.33] as const
const ERASED_RATIO = [0.3, 3.3] as const
const ERASING_TRIES = 10

/** @returns null where all is off */
export function createNoise(noise: TrainingNoise, size: InputSize, seed: number): AddNoise | null {
  const { colourJitter, pcaLighting, randomErasing, erasedTo } = noise
  const colours = colourJitter > 0 || pcaLighting > 0
  const applyPolicy = createPolicy(noise, size, seed)
  const parts = colours || randomErasing > 0
  if (!parts && applyPolicy === null) return null
  if (colours && size.channels !== 3)
    throw new RangeError(`Expected 3 channels for colours but received ${size.channels}`)
  const bytes = size.height * size.width * size.channels
  return (pixels, offset, epoch, draw) => {
    const image = pixels.subarray(offset, offset + bytes)
    applyPolicy?.(image, epoch, draw)
    if (!parts) return
    const stream = randomStream(seed, 'colour', epoch, draw)
    jitterColours(image, colourJitter, stream)
    addLighting(image, pcaLighting, stream)
    if (stream.uniform() < randomErasing) eraseRectangle(image, size, erasedTo, stream)
  }
}

function jitterColours(image: Uint8Array, strength: number, stream: RandomStream): void {
  const factor = () => 1 - strength + 2 * strength * stream.uniform()
  const changes = [brighten, contrast, saturate].map((change) => ({ change, factor: factor(), rank: stream.uint32() }))
  if (strength === 0) return
  changes.sort((one, other) => one.rank - other.rank)
  for (const one of changes) one.change(image, one.factor)
}

function brighten(image: Uint8Array, factor: number): void {
  const table = byteTable((byte) => byte * factor)
  for (let place = 0; place < image.length; place++) image[place] = table[image[place] ?? 0] ?? 0
}

/** Away from the image's mean grey, or towards it. */
function contrast(image: Uint8Array, factor: number): void {
  let sum = 0
  for (let pixel = 0; pixel < image.length; pixel += 3) sum += greyAt(image, pixel)
  const mean = Math.round(sum / (image.length / 3))
  const table = byteTable((byte) => mean + (byte - mean) * factor)
  for (let place = 0; place < image.length; place++) image[place] = table[image[place] ?? 0] ?? 0
}

/** Away from each pixel's own grey, or towards it. */
function saturate(image: Uint8Array, factor: number): void {
  for (let pixel = 0; pixel < image.length; pixel += 3) {
    const grey = greyAt(image, pixel)
    for (let channel = pixel; channel < pixel + 3; channel++) {
      image[channel] = clampByte(grey + ((image[channel] ?? 0) - grey) * factor)
    }
  }
}

function addLighting(image: Uint8Array, std: number, stream: RandomStream): void {
  const steps = COMPONENT_LENGTHS.map((length) => length * std * stream.normal())
  if (std === 0) return
  for (const [channel, row] of COMPONENTS.entries()) {
    const shift = 255 * row.reduce((sum, part, component) => sum + part * (steps[component] ?? 0), 0)
    const table = byteTable((byte) => byte + shift)
    for (let place = channel; place < image.length; place += 3) image[place] = table[image[place] ?? 0] ?? 0
  }
}

function eraseRectangle(image: Uint8Array, size: InputSize, colour: readonly number[], stream: RandomStream): void {
  const { height, width, channels } = size
  const between = (low: number, high: number) => low + (high - low) * stream.uniform()
  for (let attempt = 0; attempt < ERASING_TRIES; attempt++) {
    const area = height * width * between(...ERASED_AREA)
    const ratio = Math.exp(between(Math.log(ERASED_RATIO[0]), Math.log(ERASED_RATIO[1])))
    const high = Math.round(Math.sqrt(area * ratio))
    const wide = Math.round(Math.sqrt(area / ratio))
    if (high >= height || wide >= width) continue
    const top = stream.below(height - high + 1)
    const left = stream.below(width - wide + 1)
    for (let row = top; row < top + high; row++) {
      for (let column = left; column < left + wide; column++) {
        const pixel = (row * width + column) * channels
        for (let channel = 0; channel < channels; channel++) image[pixel + channel] = colour[channel] ?? 0
      }
    }
    return
  }
}

function greyAt(image: Uint8Array, pixel: number): number {
  return GREY[0] * (image[pixel] ?? 0) + GREY[1] * (image[pixel + 1] ?? 0) + GREY[2] * (image[pixel + 2] ?? 0)
}

const clampByte = (value: number) => Math.max(0, Math.min(255, Math.round(value)))

function byteTable(change: (byte: number) => number): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => clampByte(change(byte)))
}
