/** What libvips does not tell of a TIFF file's first directory: the direction of grey, its turn, a palette that is cut off. */
import { DecodeFault } from './decoded-image.ts'

export interface TiffHead {
  /** PhotometricInterpretation is WhiteIsZero. */
  readonly whiteIsZero: boolean
  /** Orientation, 1 where the file does not say one. */
  readonly orientation: number
}

const [PHOTOMETRIC, ORIENTATION, COLOUR_MAP, SHORT] = [262, 274, 320, 3]
const BY_PALETTE = 3

/**
 * What else cannot be read is left to the decoder to refuse.
 * @throws DecodeFault where the colours of the palette are not in the file: libvips would show the places in it as grey
 */
export function readTiffHead(bytes: Uint8Array): TiffHead {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const little = bytes[0] === 0x49
  const values = new Map<number, number>()
  let colours = false
  if (bytes.length >= 8) {
    const at = view.getUint32(4, little)
    const entries = at + 2 <= bytes.length ? view.getUint16(at, little) : 0
    for (let entry = at + 2; entry < at + 2 + 12 * entries && entry + 12 <= bytes.length; entry += 12) {
      if (view.getUint16(entry + 2, little) !== SHORT) continue
      const tag = view.getUint16(entry, little)
      values.set(tag, view.getUint16(entry + 8, little))
      const end = view.getUint32(entry + 8, little) + 2 * view.getUint32(entry + 4, little)
      if (tag === COLOUR_MAP) colours = end <= bytes.length
    }
  }
  if (values.get(PHOTOMETRIC) === BY_PALETTE && !colours) throw new DecodeFault('its palette is not in the file')
  // Pillow takes WhiteIsZero where the file says nothing.
  return { whiteIsZero: (values.get(PHOTOMETRIC) ?? 0) === 0, orientation: values.get(ORIENTATION) ?? 1 }
}
