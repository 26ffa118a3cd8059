import { basename, dirname } from 'node:path'
import { writeWhole } from './write-whole.ts'

/** Times that a pixel is repeated in each direction: 32 x 32 images are hard to see otherwise. */
const SCALE = 8
/** Grey pixels between two images, before scaling. */
const GAP = 1
const GAP_GREY = 127

export interface Pixels {
  /** Images x height x width x 3 bytes, red, green, blue. */
  readonly data: Uint8Array
  readonly count: number
  readonly height: number
  readonly width: number
}

/**
 * Writes images as one PNG, `columns` beside each other, enlarged without smoothing: what the network is given,
 * pixel by pixel.
 * @throws UserFault where the path cannot be written
 */
export async function writeSamplePicture(path: string, pixels: Pixels, columns: number): Promise<void> {
  const { data, count, height, width } = pixels
  if (data.length !== count * height * width * 3) {
    throw new Error(`Expected ${count} x ${height} x ${width} x 3 bytes of pixels but received ${data.length}`)
  }
  const rows = Math.ceil(count / columns)
  const sheetWidth = columns * (width + GAP) + GAP
  const sheetHeight = rows * (height + GAP) + GAP
  const sheet = Buffer.alloc(sheetWidth * sheetHeight * 3, GAP_GREY)
  for (let image = 0; image < count; image++) {
    const left = (image % columns) * (width + GAP) + GAP
    const top = Math.floor(image / columns) * (height + GAP) + GAP
    for (let row = 0; row < height; row++) {
      const source = (image * height + row) * width * 3
      sheet.set(data.subarray(source, source + width * 3), ((top + row) * sheetWidth + left) * 3)
    }
  }
  // Loaded here: it takes a tenth of a second that no run should wait for before its first step.
  const { default: sharp } = await import('sharp')
  const picture = await sharp(sheet, { raw: { width: sheetWidth, height: sheetHeight, channels: 3 } })
    .resize(sheetWidth * SCALE, sheetHeight * SCALE, { kernel: 'nearest' })
    .png({ compressionLevel: 9 })
    .toBuffer()
  await writeWhole(dirname(path), basename(path), picture)
}
