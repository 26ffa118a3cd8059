/** One image, wherever it comes from, into its row of a batch. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { createCropDecoder } from '../../data/images/crop-decoder.ts'
import { describeUnread, imageFormat } from '../../data/images/image-format.ts'
import { resizePixels } from '../../data/images/resize-pixels.ts'
import { fileProblem } from '../../vocabulary/file-fault.ts'
import type { RawPixels, ThreadImage } from './classify-task.ts'
import { type ImagePreparation, placeCrop, planOf } from './prepare-image.ts'

/** Enough to see what a file is: what is no picture, a film say, is not read whole. */
const HEAD_BYTES = 64

/**
 * Of one thread. Writes the prepared image, [height, width, 3] u8, at `offset` of the target.
 * @returns null where that is done; a promise where the file takes an asynchronous decoder
 * @throws Error with a reason in words where the image cannot be used (so does the promise)
 */
export type ImageReader = (image: ThreadImage, target: Uint8Array, offset: number) => Promise<void> | null

export function createImageReader(preparation: ImagePreparation): ImageReader {
  const { crop, input } = preparation
  const decode = createCropDecoder()
  const cropBytes = crop.height * crop.width * 3
  const fills = crop.height === input.height && crop.width === input.width
  const plan = (image: { readonly width: number; readonly height: number }) => planOf(preparation, image)

  return (image, target, offset) => {
    // A promise may still write when the next image is read, so each image that is placed has pixels of its own.
    const window = fills ? target.subarray(offset, offset + cropBytes) : new Uint8Array(cropBytes)
    const finish = () => {
      if (!fills) placeCrop(preparation, window, target, offset)
    }
    if (typeof image !== 'string' && !(image instanceof Uint8Array)) {
      checkPixels(image)
      resizePixels(image.pixels, image, plan(image), window, 0)
      finish()
      return null
    }
    const pending = decode(typeof image === 'string' ? readFile(image) : image, plan, window)
    if (pending !== null) return pending.then(finish)
    finish()
    return null
  }
}

function checkPixels({ pixels, width, height }: RawPixels): void {
  const whole = [width, height].every((size) => Number.isSafeInteger(size) && size > 0)
  if (whole && pixels.length === width * height * 3) return
  throw new Error(`${pixels.length} bytes are not the pixels of ${width} x ${height}, three bytes each`)
}

function readFile(path: string): Uint8Array {
  try {
    const file = openSync(path, 'r')
    try {
      const head = Buffer.alloc(HEAD_BYTES)
      const begin = head.subarray(0, readSync(file, head, 0, HEAD_BYTES, 0))
      if (imageFormat(begin) === null) throw new Error(describeUnread(begin))
      const bytes = Buffer.alloc(fstatSync(file).size)
      let read = 0
      while (read < bytes.length) {
        const more = readSync(file, bytes, read, bytes.length - read, read)
        if (more === 0) break
        read += more
      }
      return bytes.subarray(0, read)
    } finally {
      closeSync(file)
    }
  } catch (error) {
    const problem = fileProblem(error, path)
    throw problem === null ? error : new Error(problem)
  }
}
