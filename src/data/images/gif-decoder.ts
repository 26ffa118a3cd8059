/** The first picture of a GIF file, on the file's screen, as Pillow shows it: transparent places keep their colour. */
import { checkSize, type DecodedImage, DecodeFault, greyColours, paletteColours } from './decoded-image.ts'

const MOST_CODES = 4096
/** Of an interlaced picture: first row and distance of rows of each pass. */
const PASSES = [
  [0, 8],
  [4, 8],
  [2, 4],
  [1, 2],
] as const

interface Screen {
  readonly width: number
  readonly height: number
  readonly palette: Uint8Array | null
}

interface Frame {
  readonly left: number
  readonly top: number
  readonly width: number
  readonly height: number
  readonly interlaced: boolean
  readonly palette: Uint8Array | null
  readonly transparent: number | null
  /** Bits of a colour, and where the blocks of codes begin. */
  readonly bits: number
  readonly codes: number
}

/** @throws DecodeFault for a file without a picture, or one that is damaged or cut off */
export function decodeGif(bytes: Uint8Array): DecodedImage {
  const { frame, screen } = readHeads(bytes)
  const width = Math.max(screen.width, frame.left + frame.width)
  const height = Math.max(screen.height, frame.top + frame.height)
  checkSize(width, height)
  checkSize(frame.width, frame.height)
  const { palette, transparent } = frame
  const colours = (indices: Uint8Array) => (palette === null ? greyColours(indices) : paletteColours(indices, palette))
  const drawn = colours(expandCodes(blocksOf(bytes, frame.codes), frame.bits, frame.width * frame.height))
  const pixels = emptyScreen(width, height, colours(Uint8Array.of(transparent ?? 0)))
  const rowBytes = 3 * frame.width
  for (const [place, row] of rowOrder(frame).entries()) {
    pixels.set(drawn.subarray(place * rowBytes, (place + 1) * rowBytes), ((frame.top + row) * width + frame.left) * 3)
  }
  return { width, height, pixels }
}

/** A small file may say a large screen: only what is not black costs time. */
function emptyScreen(width: number, height: number, colour: Uint8Array): Uint8Array {
  const pixels = new Uint8Array(width * height * 3)
  if (colour.every((value) => value === 0)) return pixels
  for (let pixel = 0; pixel < width; pixel++) pixels.set(colour, 3 * pixel)
  for (let row = 1; row < height; row++) pixels.copyWithin(3 * width * row, 0, 3 * width)
  return pixels
}

function readHeads(bytes: Uint8Array): { readonly screen: Screen; readonly frame: Frame } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const byte = (at: number) => {
    const value = bytes[at]
    if (value === undefined) throw new DecodeFault('the file ends before its first picture')
    return value
  }
  const word = (at: number) => {
    byte(at + 1)
    return view.getUint16(at, true)
  }
  const flags = byte(10)
  byte(12)
  const shared = (flags & 0x80) === 0 ? null : readPalette(bytes, 13, flags)
  const screen = { width: word(6), height: word(8), palette: shared }
  let at = 13 + ((flags & 0x80) === 0 ? 0 : 3 << ((flags & 7) + 1))
  let transparent: number | null = null
  for (;;) {
    const kind = byte(at++)
    if (kind === 0x3b) throw new DecodeFault('no picture in it')
    if (kind === 0x21) {
      const label = byte(at++)
      // A graphic control: its flags, two bytes of time, the transparent colour.
      if (label === 0xf9 && byte(at) >= 4 && (byte(at + 1) & 1) === 1) transparent = byte(at + 4)
      while (byte(at) !== 0) at += byte(at) + 1
      at++
    } else if (kind === 0x2c) break
  }
  const own = byte(at + 8)
  const codes = at + 9 + ((own & 0x80) === 0 ? 0 : 3 << ((own & 7) + 1))
  const bits = byte(codes)
  if (bits < 1 || bits > 8) throw new DecodeFault(`${bits} bits of a colour`)
  const frame = {
    ...{ left: word(at), top: word(at + 2), width: word(at + 4), height: word(at + 6) },
    interlaced: (own & 0x40) !== 0,
    palette: (own & 0x80) === 0 ? shared : readPalette(bytes, at + 9, own),
    ...{ transparent, bits, codes: codes + 1 },
  }
  return { screen, frame }
}

/** null for one whose every colour is its own place in grey, which needs no palette. */
function readPalette(bytes: Uint8Array, at: number, flags: number): Uint8Array | null {
  const palette = bytes.subarray(at, at + (3 << ((flags & 7) + 1)))
  if (palette.length < 3 << ((flags & 7) + 1)) throw new DecodeFault('the file ends within its palette')
  return palette.every((value, place) => value === Math.floor(place / 3)) ? null : palette
}

/** The bytes of codes, without the lengths of their blocks; a cut off file is seen by the codes that are missing. */
function blocksOf(bytes: Uint8Array, start: number): Uint8Array {
  const codes = new Uint8Array(Math.max(0, bytes.length - start))
  let filled = 0
  for (let at = start; ; ) {
    const length = bytes[at] ?? 0
    if (length === 0) return codes.subarray(0, filled)
    const block = bytes.subarray(at + 1, at + 1 + length)
    codes.set(block, filled)
    filled += block.length
    at += length + 1
  }
}

/** Lempel, Ziv and Welch's codes, the lowest bit first, until `count` colours are there. */
function expandCodes(codes: Uint8Array, bits: number, count: number): Uint8Array {
  const [clear, end] = [1 << bits, (1 << bits) + 1]
  const colours = new Uint8Array(count)
  // Of each code: the code of all but its last colour, that colour, and how many colours it stands for.
  const [before, last, length] = [new Uint16Array(MOST_CODES), new Uint8Array(MOST_CODES), new Uint16Array(MOST_CODES)]
  for (let colour = 0; colour < clear; colour++) {
    last[colour] = colour
    length[colour] = 1
  }
  let [filled, next, width, previous] = [0, end + 1, bits + 1, -1]
  let [held, heldBits, at] = [0, 0, 0]
  while (filled < count) {
    while (heldBits < width) {
      const byte = codes[at++]
      if (byte === undefined) throw new DecodeFault('the file ends within its picture')
      held |= byte << heldBits
      heldBits += 8
    }
    const code = held & ((1 << width) - 1)
    held >>>= width
    heldBits -= width
    if (code === clear) {
      next = end + 1
      width = bits + 1
      previous = -1
      continue
    }
    if (code === end) throw new DecodeFault('the codes of its picture end before it does')
    // The one code that may be used before it is known stands for the previous colours and their first again.
    if (code > next || (code === next && previous === -1) || (code >= clear && previous === -1)) {
      throw new DecodeFault('a code that stands for nothing')
    }
    const known = code === next ? previous : code
    const size = length[known] ?? 0
    let [place, walk] = [filled + size - 1, known]
    for (; place >= filled; place--) {
      if (place < count) colours[place] = last[walk] ?? 0
      walk = before[walk] ?? 0
    }
    const first = colours[filled] ?? 0
    filled += size
    if (code === next && filled < count) colours[filled++] = first
    else if (code === next) filled++
    if (previous !== -1 && next < MOST_CODES) {
      before[next] = previous
      last[next] = first
      length[next] = (length[previous] ?? 0) + 1
      next++
      if (next === 1 << width && width < 12) width++
    }
    previous = code
  }
  return colours
}

function rowOrder({ height, interlaced }: Frame): number[] {
  if (!interlaced) return Array.from({ length: height }, (_, row) => row)
  return PASSES.flatMap(([first, step]) =>
    Array.from({ length: Math.max(0, Math.ceil((height - first) / step)) }, (_, place) => first + place * step),
  )
}
