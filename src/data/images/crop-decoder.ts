/** From the bytes of an image file, of which nothing is known yet, to its crop. */
import { type CropPlan, type ImageSize, PLAN_WORDS, planWords } from './crop-plan.ts'
import { decodeWhole } from './decode-whole.ts'
import type { DecodedImage } from './decoded-image.ts'
import { loadImageAddon } from './image-addon.ts'
import { imageFormat } from './image-format.ts'
import { resizePixels } from './resize-pixels.ts'

/**
 * Of one thread. Writes the window of the plan that `planOf` makes for the image's size, [windowHeight, windowWidth, 3] u8, at
 * the beginning of the target.
 * @returns null where that is done; a promise where the file takes an asynchronous decoder
 * @throws Error where the bytes are no image that is read, or a damaged one (so does the promise)
 */
export type CropDecoder = (
  bytes: Uint8Array,
  planOf: (image: ImageSize) => CropPlan,
  target: Uint8Array,
) => Promise<void> | null

/** JPEG files by the addon where it is built, all others by the decoders of their formats. */
export function createCropDecoder(): CropDecoder {
  const addon = loadImageAddon()
  const jpeg = 'absence' in addon ? null : new addon.JpegDecoder()
  const words = new Int32Array(PLAN_WORDS)
  return (bytes, planOf, target) => {
    if (jpeg !== null && imageFormat(bytes) === 'jpeg') {
      try {
        const [width = 0, height = 0] = jpeg.header(bytes)
        planWords(planOf({ width, height }), words)
        // What libjpeg bridged, a truncated end say, the other decoder refuses or takes for harmless.
        if (jpeg.decode(bytes, words, target, 0) === 0) return null
      } catch {
        // The other decoder reads it, or says what is wrong.
      }
    }
    const write = (image: DecodedImage) => {
      resizePixels(image.pixels, image, planOf(image), target, 0)
    }
    const decoded = decodeWhole(bytes, { failOn: 'error' })
    if (decoded instanceof Promise) return decoded.then(write)
    write(decoded)
    return null
  }
}
