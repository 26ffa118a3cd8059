/** Augmentations that a user defines: a module that each decode thread loads. */

import { UserFault } from '../../vocabulary/fault.ts'
import { isRecord, wrongOwn } from '../../vocabulary/own-definitions.ts'
import { type RandomStream, randomStream } from '../../vocabulary/random.ts'
import { drawOf, type InputSize } from './augmentation.ts'
import type { Augmentation } from './image-writers.ts'

/** A training image as an augmentation is given it. */
export interface AugmentedImage extends InputSize {
  /** [height, width, channels] 0 - 255, channels red, green, blue; to be changed in place. */
  readonly pixels: Uint8Array
  /** Class of the image. */
  readonly label: number
  /** From 0. */
  readonly epoch: number
  /** The image's place in the training images. */
  readonly sample: number
}

/** What an augmentation's module exports as `augmentation`, or by default. */
export interface OwnAugmentation {
  /** What is done to the image before: `standard` = crop and flip (default), `none` = only brought to the input's size. */
  readonly base?: Augmentation
  /**
   * Changes one training image, at once.
   * @param random numbers that follow from (seed, epoch, sample) alone, and from the view where a method shows several of an image:
   *   with no others a run can be repeated bit by bit
   */
  apply(image: AugmentedImage, random: RandomStream): void
}

/** A module by its address, for the decode threads. */
export interface AugmentationModule {
  readonly url: string
  /** For messages. */
  readonly source: string
}

/** Loads the module into this thread. @throws UserFault that names its file */
export async function readAugmentation({ url, source }: AugmentationModule): Promise<OwnAugmentation> {
  let exports: unknown
  try {
    exports = await import(url)
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    throw wrongOwn('a module that can be loaded', source, message, `Try it alone: node ${source}`, error)
  }
  const definition = isRecord(exports) ? (exports['augmentation'] ?? exports['default']) : undefined
  if (definition !== undefined) return checkAugmentation(definition, source)
  const names = isRecord(exports) ? Object.keys(exports).join(', ') : ''
  const remedy = 'Write export const augmentation = { apply(image, random) { ... } }.'
  throw wrongOwn('an export named augmentation, or a default export,', source, names || 'no export', remedy)
}

function checkAugmentation(value: unknown, source: string): OwnAugmentation {
  const remedy = 'Write export const augmentation = { apply(image, random) { ... } }.'
  if (!isAugmentation(value)) {
    const received = isRecord(value) ? `an object with ${Object.keys(value).join(', ')}` : typeof value
    throw wrongOwn('an augmentation with the function apply', source, received, remedy)
  }
  const { base = 'standard' } = value
  if (base === 'standard' || base === 'none') return value
  throw wrongOwn('standard or none as base', source, String(base), 'Leave base out for standard.')
}

function isAugmentation(value: unknown): value is OwnAugmentation {
  return isRecord(value) && typeof value['apply'] === 'function'
}

/** Changes an image of [height, width, channels] u8 at `offset` in place. */
export type ApplyOwn = (
  pixels: Uint8Array,
  offset: number,
  epoch: number,
  sample: number,
  label: number,
  view: number,
) => void

/** Loads it into this thread. @throws UserFault where it cannot be, and (from what it gives) where it throws */
export async function loadAugmentation(module: AugmentationModule, size: InputSize, seed: number): Promise<ApplyOwn> {
  const own = await readAugmentation(module)
  const { source } = module
  const { height, width, channels } = size
  const bytes = height * width * channels
  return (pixels, offset, epoch, sample, label, view) => {
    const image = { pixels: pixels.subarray(offset, offset + bytes), height, width, channels, label, epoch, sample }
    const place = `apply of ${source} to change image ${sample} in epoch ${epoch}`
    let answer: unknown
    try {
      answer = own.apply(image, randomStream(seed, 'own', epoch, drawOf(sample, view)))
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      throw new UserFault(`Expected ${place} but it threw: ${message}`, 'Correct it, then train anew.', {
        cause: error,
      })
    }
    if (answer instanceof Promise) {
      answer.catch(() => undefined)
      throw new UserFault(`Expected ${place} at once but it returned a promise`, 'Do without await in apply.')
    }
  }
}
