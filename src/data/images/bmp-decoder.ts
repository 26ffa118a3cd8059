/** A Windows bitmap, as Pillow reads it: alpha is dropped, a palette of greys is none. */
import { checkSize, type DecodedImage, DecodeFault, greyColours, paletteColours } from './decoded-image.ts'

const HEAD_SIZES = [12, 40, 52, 56, 64, 108, 124]
const [PLAIN, RUNS8, RUNS4, BIT_FIELDS] = [0, 1, 2, 3]

interface Head {
  readonly width: number
  readonly height: number
  /** Rows from the bottom to the top. */
  readonly upwards: boolean
  readonly bits: number
  readonly compression: number
  /** Bits of red, green and blue where the head has them. */
  readonly masks: readonly number[]
  /** [entries, 3], null where the pixels have none. */
  readonly palette: Uint8Array | null
  /** Where the pixels begin. */
  readonly offset: number
}

/** @throws DecodeFault for a bitmap that is damaged or cut off, and kinds that Pillow does not read */
export function decodeBmp(bytes: Uint8Array): DecodedImage {
  const head = readHead(bytes)
  const { width, height, palette, bits } = head
  if (bits > 8) return { width, height, pixels: readColours(bytes, head) }
  const runs = head.compression === RUNS8 || head.compression === RUNS4
  const indices = runs ? expandRuns(bytes, head) : readIndices(bytes, head)
  if (palette !== null && !isGrey(palette)) {
    return { width, height, pixels: paletteColours(indices, palette) }
  }
  // Of two colours the greys are black and white.
  const white = palette?.length === 6
  const values = white ? indices.map((index) => (index === 0 ? 0 : 255)) : indices
  return { width, height, pixels: greyColours(values) }
}

function readHead(bytes: Uint8Array): Head {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const need = (end: number) => {
    if (end > bytes.length) throw new DecodeFault('the file ends within its head')
  }
  need(18)
  const size = view.getUint32(14, true)
  if (!HEAD_SIZES.includes(size)) throw new DecodeFault(`a head of ${size} bytes`)
  need(14 + size)
  const old = size === 12
  const tall = old ? view.getUint16(20, true) : view.getInt32(22, true)
  const width = old ? view.getUint16(18, true) : view.getInt32(18, true)
  const height = Math.abs(tall)
  checkSize(width, height)
  const bits = view.getUint16(old ? 24 : 28, true)
  const compression = old ? PLAIN : view.getUint32(30, true)
  checkKind(bits, compression)
  let at = 14 + size
  const masks: number[] = []
  if (compression === BIT_FIELDS) {
    // A head of 40 bytes has them behind it.
    need(54 + 12)
    for (let place = 54; place < 66; place += 4) masks.push(view.getUint32(place, true))
    if (size === 40) at += 12
  }
  const entryBytes = old ? 3 : 4
  const entries = (old ? 0 : view.getUint32(46, true)) || 1 << bits
  let palette: Uint8Array | null = null
  let offset = view.getUint32(10, true)
  if (bits <= 8) {
    if (entries > 65536) throw new DecodeFault(`a palette of ${entries} colours`)
    need(at + entries * entryBytes)
    palette = new Uint8Array(entries * 3)
    for (let entry = 0; entry < entries; entry++) {
      for (let channel = 0; channel < 3; channel++) {
        palette[entry * 3 + channel] = bytes[at + entry * entryBytes + 2 - channel] ?? 0
      }
    }
    // A head may say that the pixels begin where the palette does.
    if (offset === 14 + size) offset += entries * entryBytes
    at += entries * entryBytes
  }
  return { width, height, upwards: tall > 0, bits, compression, masks, palette, offset: offset || at }
}

function checkKind(bits: number, compression: number): void {
  const fits =
    (compression === PLAIN && [1, 4, 8, 16, 24, 32].includes(bits)) ||
    (compression === RUNS8 && bits === 8) ||
    (compression === RUNS4 && bits === 4) ||
    (compression === BIT_FIELDS && [16, 24, 32].includes(bits))
  if (!fits) throw new DecodeFault(`a bitmap of ${bits} bits and compression ${compression}`)
}

/** Where the row of the picture lies, rows being padded to four bytes. @throws DecodeFault where the file ends before */
function rowPlace(bytes: Uint8Array, { width, height, upwards, bits, offset }: Head): (row: number) => number {
  const stride = Math.ceil((width * bits) / 32) * 4
  const needed = offset + stride * (height - 1) + Math.ceil((width * bits) / 8)
  if (needed > bytes.length) throw new DecodeFault('the file ends within its pixels')
  return (row) => offset + stride * (upwards ? height - 1 - row : row)
}

function readIndices(bytes: Uint8Array, head: Head): Uint8Array {
  const { width, height, bits } = head
  const place = rowPlace(bytes, head)
  const indices = new Uint8Array(width * height)
  const mask = (1 << bits) - 1
  for (let row = 0; row < height; row++) {
    const from = place(row)
    for (let column = 0; column < width; column++) {
      const bit = column * bits
      indices[row * width + column] = ((bytes[from + (bit >> 3)] ?? 0) >> (8 - bits - (bit & 7))) & mask
    }
  }
  return indices
}

function readColours(bytes: Uint8Array, head: Head): Uint8Array {
  const { width, height, bits } = head
  const place = rowPlace(bytes, head)
  const channels = channelFields(head)
  const colours = new Uint8Array(width * height * 3)
  const step = bits / 8
  for (let row = 0; row < height; row++) {
    let from = place(row)
    for (let column = 0; column < width; column++, from += step) {
      const to = (row * width + column) * 3
      for (const [channel, { byte, shift, most }] of channels.entries()) {
        // 5 and 6 bits lie across two bytes.
        const value = most === 255 ? (bytes[from + byte] ?? 0) : wordAt(bytes, from) >> shift
        colours[to + channel] = most === 255 ? value : Math.floor(((value & most) * 255) / most)
      }
    }
  }
  return colours
}

const wordAt = (bytes: Uint8Array, at: number) => (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8)

interface Field {
  readonly byte: number
  readonly shift: number
  readonly most: number
}

/** Where red, green and blue lie in a pixel. @throws DecodeFault for orders that Pillow does not read */
function channelFields({ bits, compression, masks }: Head): Field[] {
  const whole = (byte: number): Field => ({ byte, shift: 0, most: 255 })
  const part = (shift: number, count: number): Field => ({ byte: 0, shift, most: (1 << count) - 1 })
  const usual = bits === 16 ? [part(10, 5), part(5, 5), part(0, 5)] : [whole(2), whole(1), whole(0)]
  if (compression === PLAIN) return usual
  const [red = 0, green = 0, blue = 0] = masks
  const said = [red, green, blue].map((mask) => (mask >>> 0).toString(16)).join(' ')
  if (bits === 16 && said === 'f800 7e0 1f') return [part(11, 5), part(5, 6), part(0, 5)]
  if (bits === 16 && said === '7c00 3e0 1f') return usual
  if (bits !== 16 && (said === 'ff0000 ff00 ff' || (bits === 32 && said === '0 0 0'))) return usual
  const orders: Readonly<Record<string, Field[]>> = {
    'ff ff00 ff0000': [whole(0), whole(1), whole(2)],
    'ff000000 ff0000 ff00': [whole(3), whole(2), whole(1)],
    'ff000000 ff00 ff': [whole(3), whole(1), whole(0)],
  }
  const order = bits === 32 ? orders[said] : undefined
  if (order === undefined) throw new DecodeFault(`the masks ${said} of ${bits} bits`)
  return order
}

/** Runs of one colour (of two in turns, with four bits), single colours, and skips, which leave colour 0. */
function expandRuns(bytes: Uint8Array, { width, height, compression, offset }: Head): Uint8Array {
  const flat = new Uint8Array(width * height)
  const nibbles = compression === RUNS4
  const nibble = (byte: number, place: number) => (place % 2 === 0 ? byte >> 4 : byte & 15)
  let [at, filled, column] = [offset, 0, 0]
  let ended = false
  while (!ended && filled < flat.length) {
    const [count, value] = [bytes[at], bytes[at + 1]]
    if (count === undefined || value === undefined) break
    at += 2
    if (count > 0) {
      const fits = Math.min(count, Math.max(0, width - column))
      for (let place = 0; place < fits; place++) flat[filled + place] = nibbles ? nibble(value, place) : value
      filled += fits
      column += fits
    } else if (value === 0) {
      filled = Math.ceil(filled / width) * width
      column = 0
    } else if (value === 1) ended = true
    else if (value === 2) {
      const [right, up] = [bytes[at], bytes[at + 1]]
      if (right === undefined || up === undefined) break
      at += 2
      filled = Math.min(flat.length, filled + right + up * width)
      column = filled % width
    } else {
      const fits = Math.min(value, flat.length - filled)
      const length = nibbles ? Math.ceil(fits / 2) : fits
      if (at + length > bytes.length) break
      for (let place = 0; place < fits; place++) {
        flat[filled + place] = nibbles ? nibble(bytes[at + (place >> 1)] ?? 0, place) : (bytes[at + place] ?? 0)
      }
      filled += fits
      column += value
      // Up to a word, counted from the file's begin.
      at += length
      at += at % 2
    }
  }
  if (filled < flat.length) throw new DecodeFault('the runs end before the picture does')
  return upsideDown(flat, width, height)
}

function upsideDown(pixels: Uint8Array, width: number, height: number): Uint8Array {
  const turned = new Uint8Array(pixels.length)
  for (let row = 0; row < height; row++) {
    turned.set(pixels.subarray(row * width, (row + 1) * width), (height - 1 - row) * width)
  }
  return turned
}

/** Whether the palette is black and white, or every colour is its own place in grey. */
function isGrey(palette: Uint8Array): boolean {
  const two = palette.length === 6
  return palette.every((value, place) => value === (two ? (place < 3 ? 0 : 255) : Math.floor(place / 3)))
}
