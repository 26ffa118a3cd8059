/** From the bytes of an image file to its resized crop, by the fastest decoder that is here and takes the file. */
import { type CropPlan, type ImageSize, PLAN_WORDS, planWords } from './crop-plan.ts'
import { decodeWhole } from './decode-whole.ts'
import type { DecodedImage } from './decoded-image.ts'
import { loadImageAddon } from './image-addon.ts'
import { loadPrebuiltJpeg } from './prebuilt-jpeg.ts'
import { resizePixels } from './resize-pixels.ts'

export type JpegDecoderName = 'libjpeg-turbo addon' | '@julusian/jpeg-turbo' | 'sharp'

/** Of one thread. */
export interface ImageDecoder {
  /** What decodes JPEG files. */
  readonly jpeg: JpegDecoderName
  /**
   * Writes the plan's window, [windowHeight, windowWidth, 3] u8, at `offset` of the target.
   * @param image size of the whole image, which the plan is for
   * @returns null where that is done; a promise where the file is an odd one that takes an asynchronous decoder
   * @throws Error where no decoder takes the bytes (so does the promise)
   */
  decode(bytes: Uint8Array, image: ImageSize, plan: CropPlan, target: Uint8Array, offset: number): Promise<void> | null
}

/** Decodes a JPEG at once. @throws Error where it does not take it */
type JpegDecode = (bytes: Uint8Array, image: ImageSize, plan: CropPlan, target: Uint8Array, offset: number) => void

/** @param only takes this decoder of JPEG files, whatever else is here */
export function createImageDecoder(only?: JpegDecoderName): ImageDecoder {
  const { jpeg, decodeJpeg } = findJpegDecoder(only)
  return {
    jpeg,
    decode(bytes, image, plan, target, offset) {
      if (decodeJpeg === null || !isJpeg(bytes)) return decodeOdd(bytes, image, plan, target, offset, null)
      try {
        decodeJpeg(bytes, image, plan, target, offset)
        return null
      } catch (fault) {
        return decodeOdd(bytes, image, plan, target, offset, fault)
      }
    },
  }
}

function findJpegDecoder(only?: JpegDecoderName): { jpeg: JpegDecoderName; decodeJpeg: JpegDecode | null } {
  const wanted = (name: JpegDecoderName) => only === undefined || only === name
  if (wanted('libjpeg-turbo addon')) {
    const addon = loadImageAddon()
    if (!('absence' in addon)) {
      const decoder = new addon.JpegDecoder()
      const words = new Int32Array(PLAN_WORDS)
      const decodeJpeg: JpegDecode = (bytes, _, plan, target, offset) => {
        planWords(plan, words)
        decoder.decode(bytes, words, target, offset)
      }
      return { jpeg: 'libjpeg-turbo addon', decodeJpeg }
    }
    if (only !== undefined) throw new Error(addon.absence)
  }
  if (wanted('@julusian/jpeg-turbo')) {
    const prebuilt = loadPrebuiltJpeg()
    if (!('absence' in prebuilt)) {
      const decodeJpeg: JpegDecode = (bytes, image, plan, target, offset) => {
        const pixels = prebuilt.decodeWhole(bytes)
        mustBeOfSize(pixels.width, pixels.height, image)
        resizePixels(pixels.pixels, image, plan, target, offset)
      }
      return { jpeg: '@julusian/jpeg-turbo', decodeJpeg }
    }
    if (only !== undefined) throw new Error(prebuilt.absence)
  }
  return { jpeg: 'sharp', decodeJpeg: null }
}

/** @param fault why the decoder of JPEG files did not take it, null where it was not asked */
function decodeOdd(
  bytes: Uint8Array,
  image: ImageSize,
  plan: CropPlan,
  target: Uint8Array,
  offset: number,
  fault: unknown,
): Promise<void> | null {
  const write = (decoded: DecodedImage) => {
    mustBeOfSize(decoded.width, decoded.height, image)
    resizePixels(decoded.pixels, image, plan, target, offset)
  }
  const refuse = (cause: unknown): never => {
    const reasons = [fault, cause].filter((reason) => reason !== null).map(reasonOf)
    throw new Error(reasons.join('; '), { cause })
  }
  let decoded: DecodedImage | Promise<DecodedImage>
  try {
    // The caller's buffer is used again for the next image while this one may still be being decoded.
    decoded = decodeWhole(Uint8Array.from(bytes), { failOn: 'error' })
  } catch (cause) {
    return refuse(cause)
  }
  if (decoded instanceof Promise) return decoded.catch(refuse).then(write)
  write(decoded)
  return null
}

const reasonOf = (fault: unknown) => (fault instanceof Error ? fault.message : String(fault)).trim()

function mustBeOfSize(width: number, height: number, image: ImageSize): void {
  if (width === image.width && height === image.height) return
  throw new Error(`Expected ${image.width} x ${image.height} pixels but received ${width} x ${height}`)
}

/** SOI and the first byte of the next marker: what libjpeg asks for. */
function isJpeg(bytes: Uint8Array): boolean {
  return bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff
}
