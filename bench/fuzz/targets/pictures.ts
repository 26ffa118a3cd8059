/**
 * Picture files. Most formats have no checksum over their pixels, so what a damaged one is accepted as is held to a second
 * decode after other pictures went through the same memory: pixels that nobody wrote differ then.
 */
import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { type CropPlan, PLAN_WORDS, planWords, wholeImage } from '../../../src/data/images/crop-plan.ts'
import { decodeWhole } from '../../../src/data/images/decode-whole.ts'
import type { DecodedImage } from '../../../src/data/images/decoded-image.ts'
import { loadImageAddon, type NativeJpegDecoder } from '../../../src/data/images/image-addon.ts'
import { describeUnread, imageFormat } from '../../../src/data/images/image-format.ts'
import { UserFault } from '../../../src/vocabulary/fault.ts'
import { CROP_CASES, readCropFile } from '../../../test/images/crop-cases.ts'
import { PICTURES } from '../../../test/images/picture-cases.ts'
import { fingerprint } from '../fingerprint.ts'
import type { FuzzTarget } from '../fuzz-target.ts'

const ENDINGS = ['png', 'webp', 'gif', 'bmp', 'tif', 'ppm', 'jpg'] as const
/** A box of more pixels is decoded to a smaller result. */
const MOST_WHOLE = 1 << 20
const SIDE = 40

const JPEGS: readonly Buffer[] = [...new Set(CROP_CASES.map(({ file }) => file))].map((file) =>
  Buffer.from(readCropFile(file)),
)

export const PICTURE_TARGETS: readonly FuzzTarget[] = [...ENDINGS.map(wholeTarget), ...jpegTargets()]

/** Decoded whole: libvips through sharp, and our own decoders of GIF, BMP and PPM. */
function wholeTarget(ending: (typeof ENDINGS)[number]): FuzzTarget {
  const file = `picture.${ending}`
  const samples = PICTURES.filter((picture) => picture.file.endsWith(`.${ending}`) && picture.pixels !== null)
  const [other] = PICTURES.filter((picture) => picture.file === 'gif-full-table.gif')
  const decode = async (bytes: Uint8Array): Promise<string> => {
    let decoded: DecodedImage
    try {
      decoded = await decodeWhole(bytes, { failOn: 'error' })
    } catch (error) {
      throw refusal(file, error)
    }
    return fingerprint([`${decoded.width} ${decoded.height}`, decoded.pixels])
  }
  return {
    name: `picture-${ending}`,
    file,
    samples: () => samples.map(({ bytes }) => bytes),
    ...(ending === 'png' && { mend: mendChunks }),
    read: decode,
    async asItStands(bytes) {
      for (const { bytes: sample } of [...samples.slice(0, 2), ...(other === undefined ? [] : [other])]) {
        await decode(sample)
      }
      return await decode(bytes)
    },
  }
}

/** Of a PNG file each chunk has a CRC-32 over its name and contents, without which a change gets no further. */
function mendChunks(bytes: Buffer): void {
  const [head, end] = [8, 12]
  for (let at = head; at + end <= bytes.length; ) {
    const length = bytes.readUInt32BE(at)
    if (at + end + length > bytes.length) return
    bytes.writeUInt32BE(crc32(bytes.subarray(at + 4, at + 8 + length)), at + 8 + length)
    at += end + length
  }
}

/** Crops by our decoder over libjpeg-turbo, where it is built. */
function jpegTargets(): FuzzTarget[] {
  const addon = loadImageAddon()
  if ('absence' in addon) return []
  const [first, second] = [new addon.JpegDecoder(), new addon.JpegDecoder('none')]
  const file = 'crop.jpg'
  return [
    {
      name: 'picture-jpg-crop',
      file,
      samples: () => JPEGS,
      read: (bytes) => decodeCrop(first, bytes, file),
      asItStands(bytes) {
        for (const sample of JPEGS) decodeCrop(second, sample, file)
        return decodeCrop(second, bytes, file)
      },
    },
  ]
}

function decodeCrop(decoder: NativeJpegDecoder, bytes: Uint8Array, file: string): string {
  try {
    // The decode threads ask for it before they take this decoder.
    if (imageFormat(bytes) !== 'jpeg') throw new Error(describeUnread(bytes))
    const [width = 0, height = 0] = decoder.header(bytes)
    const plan = planOf(bytes, width, height)
    const words = new Int32Array(PLAN_WORDS)
    planWords(plan, words)
    const pixels = new Uint8Array(3 * plan.windowWidth * plan.windowHeight)
    decoder.decode(bytes, words, pixels, 0)
    return fingerprint([`${width} ${height}`, pixels])
  } catch (error) {
    throw refusal(file, error)
  }
}

/** The whole image for half of the files, for the others a box that follows from their bytes. */
function planOf(bytes: Uint8Array, width: number, height: number): CropPlan {
  const drawn = createHash('sha256').update(bytes).digest()
  if (width * height <= MOST_WHOLE && drawn.readUInt8(0) % 2 === 0) return wholeImage({ width, height })
  const part = (length: number, at: number): [number, number] => {
    const size = 1 + (drawn.readUInt32LE(at) % length)
    return [drawn.readUInt32LE(at + 4) % (length - size + 1), size]
  }
  const [[left, wide], [top, high]] = [part(width, 4), part(height, 12)]
  const target = wholeImage({ width: SIDE, height: SIDE })
  return { ...target, left, top, width: wide, height: high, flip: drawn.readUInt8(1) % 2 === 0, scaled: true }
}

/** As the readers of shards tell it; a fault of our own code's making stays one. */
function refusal(file: string, error: unknown): unknown {
  if (!(error instanceof Error) || error.name === 'TypeError' || error.name === 'RangeError') return error
  if (error.message.trim() === '') return new Error(`no words for ${file}`)
  return new UserFault(
    `Expected an image that can be decoded for ${file} but received: ${error.message}`,
    'Replace it.',
  )
}
