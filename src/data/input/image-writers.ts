/** How one image of a split comes into a slot: from pixels in memory, or from the bytes of an image file in a shard. */

import { UserFault } from '../../vocabulary/fault.ts'
import { randomStream } from '../../vocabulary/random.ts'
import type { DatasetSplit, EncodedSplit, ImageSplit } from '../datasets/dataset.ts'
import { centreCrop, randomResizedCrop } from '../images/crop-plan.ts'
import { createImageDecoder, type ImageDecoder, type JpegDecoderName } from '../images/image-decoder.ts'
import { CENTRED, drawOf, type InputSize, randomPlacement, viewSplit, writeImage } from './augmentation.ts'
import { fileWriter } from './file-writer.ts'
import { ShardReader } from './shard-reader.ts'

export interface ImageWriter {
  readonly labels: Int32Array
  /**
   * Writes an image of the split as [height, width, channels] u8 at `offset`; what the numbers of its augmentation are
   * follows from (seed, epoch, sample).
   * @returns a promise where its decoder is asynchronous
   * @throws UserFault for an image that is damaged or that no decoder takes (so does the promise)
   */
  write(target: Uint8Array, offset: number, sample: number, pass: WriterPass): Promise<void> | null
}

/**
 * `standard`: pad 4, random crop and flip of small images in memory; random resized crop and flip of image files.
 * `none`: small images in the middle of the input; the middle of image files, as they are evaluated.
 */
export type Augmentation = 'standard' | 'none'

export interface WriterPass {
  readonly epoch: number
  readonly augment: Augmentation
  /** Which of several images of the sample, each drawn anew (default: the first). */
  readonly view?: number
}

export function createImageWriter(split: DatasetSplit, input: InputSize, seed: number): ImageWriter {
  switch (split.storage) {
    case 'pixels':
      return pixelWriter(split, input, seed)
    case 'encoded':
      return encodedWriter(split, input, seed)
    case 'files':
      return fileWriter(split, input, seed)
  }
}

function pixelWriter(split: ImageSplit, input: InputSize, seed: number): ImageWriter {
  const source = viewSplit(split)
  return {
    labels: source.labels,
    write(target, offset, sample, { epoch, augment, view = 0 }) {
      checkSplit(split, source.pixels.length, source.labels.length, input.channels)
      const placement = augment === 'standard' ? randomPlacement(seed, epoch, drawOf(sample, view)) : CENTRED
      writeImage(target, offset, input, source, sample, placement)
      return null
    },
  }
}

/** The loops of writeImage read without bounds checks of their own, so the memory must be as large as the split says. */
function checkSplit(split: ImageSplit, pixels: number, labels: number, channels: number): void {
  const bytes = split.count * split.channels * split.height * split.width
  if (pixels !== bytes || labels !== split.count) {
    throw new RangeError(`Expected ${bytes} bytes for ${split.count} images but received ${pixels}`)
  }
  if (split.channels !== 1 && split.channels !== channels) {
    throw new RangeError(`Expected 1 or ${channels} channels for an image but received ${split.channels}`)
  }
}

function encodedWriter(split: EncodedSplit, input: InputSize, seed: number): ImageWriter {
  if (input.channels !== 3) throw new RangeError(`Expected 3 channels for an input but received ${input.channels}`)
  const reader = new ShardReader(split)
  // Made where the first image is asked for: a run that only evaluates has no use for the other split's.
  let decoder: ImageDecoder | null = null
  const undecodable = (sample: number, cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause)
    const remedy = 'Leave it out: prepare the images again, with --on-bad skip.'
    return new UserFault(
      `Expected an image that can be decoded for ${reader.place(sample)} but received: ${reason}`,
      remedy,
    )
  }
  return {
    labels: new Int32Array(split.labels),
    write(target, offset, sample, { epoch, augment, view = 0 }) {
      const image = reader.size(sample)
      const plan =
        augment === 'standard'
          ? randomResizedCrop(randomStream(seed, 'augment', epoch, drawOf(sample, view)), image, input)
          : centreCrop(image, input)
      const bytes = reader.read(sample)
      decoder ??= createImageDecoder()
      try {
        const pending = decoder.decode(bytes, image, plan, target, offset)
        return (
          pending?.catch((cause: unknown) => {
            throw undecodable(sample, cause)
          }) ?? null
        )
      } catch (cause) {
        throw undecodable(sample, cause)
      }
    },
  }
}

/** What decodes JPEG files on this machine. */
export function jpegDecoderHere(): JpegDecoderName {
  return createImageDecoder().jpeg
}
