/**
 * `standard` augmentation of 32 x 32 images: zero-pad by 4, random crop back to the input's size, horizontal flip of
 * half the images. Pure: seed, epoch and sample in, pixels out.
 */

import { PURPOSES, philox } from '../../vocabulary/random.ts'
import type { ImageSplit } from '../datasets/dataset.ts'

/** Pixels added on each side before the random crop. */
const PADDING = 4
const OFFSETS = 2 * PADDING + 1

/** The crop's corner in the padded image, 0 .. 8 each way, and whether the crop is mirrored left to right. */
export interface Placement {
  readonly top: number
  readonly left: number
  readonly flip: boolean
}

/** No augmentation: the image in the middle of the input, zeros around it where it is smaller. */
export const CENTRED: Placement = { top: PADDING, left: PADDING, flip: false }

/** Size of the network's input. */
export interface InputSize {
  readonly height: number
  readonly width: number
  readonly channels: number
}

/** A split with its views made once. `pixels` and `labels` lie over the same shared memory. */
export interface SplitView {
  readonly split: ImageSplit
  readonly pixels: Uint8Array
  readonly labels: Int32Array
}

export function viewSplit(split: ImageSplit): SplitView {
  return { split, pixels: new Uint8Array(split.images), labels: new Int32Array(split.labels) }
}

/** What the random numbers of a sample's view follow from, beside seed and epoch: of the first view the sample itself. */
export function drawOf(sample: number, view: number): number {
  return sample + view * 2 ** 32
}

const counter = new Uint32Array(4)

/**
 * Placement of a sample in an epoch: the first three numbers of the stream (seed, 'augment', epoch, draw), taken
 * from Philox directly as a stream object for each image would cost more than the numbers.
 */
export function randomPlacement(seed: number, epoch: number, draw: number): Placement {
  counter[0] = 0
  counter[1] = epoch
  counter[2] = draw
  counter[3] = Math.floor(draw / 2 ** 32)
  philox(counter, [seed >>> 0, PURPOSES.augment])
  return {
    top: Math.floor(((counter[0] ?? 0) / 0x100000000) * OFFSETS),
    left: Math.floor(((counter[1] ?? 0) / 0x100000000) * OFFSETS),
    flip: (counter[2] ?? 0) >= 0x80000000,
  }
}

/**
 * Writes one image as [height, width, channels] u8 at `offset` of the target; what the placed image does not cover is
 * zero. A split of one channel is repeated over the input's channels.
 */
export function writeImage(
  target: Uint8Array,
  offset: number,
  input: InputSize,
  source: SplitView,
  sample: number,
  placement: Placement,
): void {
  const { height, width, channels } = input
  const stored = source.split
  // Where row 0 and column 0 of the stored image land in the crop, before the flip.
  const down = ((height - stored.height) >> 1) + PADDING - placement.top
  const right = ((width - stored.width) >> 1) + PADDING - placement.left
  const firstRow = Math.max(0, -down)
  const endRow = Math.min(stored.height, height - down)
  const firstColumn = Math.max(0, -right)
  const columns = Math.min(stored.width, width - right) - firstColumn

  if (endRow - firstRow < height || columns < width) target.fill(0, offset, offset + height * width * channels)

  const planes = stored.order === 'planes'
  const sourceStep = planes ? 1 : stored.channels
  const rowBytes = stored.width * sourceStep
  const image = sample * stored.height * stored.width * stored.channels
  const leftmost = firstColumn + right
  const targetColumn = placement.flip ? width - 1 - leftmost : leftmost
  const targetStep = placement.flip ? -channels : channels
  const pixels = source.pixels

  if (planes && stored.channels === 3 && channels === 3) {
    // CIFAR's form, three channels in one pass: a third of the loops' own work.
    const plane = stored.height * stored.width
    for (let row = firstRow; row < endRow; row++) {
      let from = image + row * rowBytes + firstColumn
      let to = offset + ((row + down) * width + targetColumn) * 3
      for (const end = from + columns; from < end; from++, to += targetStep) {
        target[to] = pixels[from] ?? 0
        target[to + 1] = pixels[from + plane] ?? 0
        target[to + 2] = pixels[from + 2 * plane] ?? 0
      }
    }
    return
  }
  for (let channel = 0; channel < channels; channel++) {
    const stored0 = stored.channels === 1 ? 0 : channel * (planes ? stored.height * stored.width : 1)
    for (let row = firstRow; row < endRow; row++) {
      let from = image + stored0 + row * rowBytes + firstColumn * sourceStep
      let to = offset + ((row + down) * width + targetColumn) * channels + channel
      for (let column = 0; column < columns; column++) {
        target[to] = pixels[from] ?? 0
        from += sourceStep
        to += targetStep
      }
    }
  }
}
