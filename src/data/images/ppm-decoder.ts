/** Portable bitmaps, greymaps and pixmaps (PBM, PGM, PPM; P1 to P6), as Pillow reads them. */
import { roundHalfEven } from './crop-plan.ts'
import { checkSize, type DecodedImage, DecodeFault, greyColours } from './decoded-image.ts'

/** Longest number in a head. */
const MOST_DIGITS = 10

/** @throws DecodeFault for a file that is damaged or cut off */
export function decodePpm(bytes: Uint8Array): DecodedImage {
  const kind = (bytes[1] ?? 0) - 0x30
  const tokens = new Tokens(bytes, 2)
  const [width, height] = [tokens.number(), tokens.number()]
  checkSize(width, height)
  const plain = kind <= 3
  const channels = kind % 3 === 0 ? 3 : 1
  const count = width * height * channels
  // Before memory is taken: a value has a byte at least, as a number a space beside it.
  const least = kind === 4 ? count / 8 : plain && kind > 1 ? 2 * count - 1 : count
  if (tokens.end + least > bytes.length) throw new DecodeFault('the file ends within its pixels')
  if (kind % 3 === 1) {
    const pixels = plain ? plainBits(bytes, tokens.end, count) : packedBits(bytes, tokens.end, width, height)
    return { width, height, pixels: greyColours(pixels) }
  }
  const most = tokens.number()
  if (most < 1 || most > 65535) throw new DecodeFault(`a largest value of ${most}`)
  const value = plain ? () => tokens.number() : binaryValues(bytes, tokens.end, most, count)
  const pixels = new Uint8Array(count)
  const scale = scaling(most, channels === 1)
  for (let place = 0; place < count; place++) {
    const read = value()
    if (plain && read > most) throw new DecodeFault(`the value ${read} where ${most} is the largest`)
    pixels[place] = scale(read)
  }
  return { width, height, pixels: channels === 1 ? greyColours(pixels) : pixels }
}

/**
 * To 0..255. Grey of more than 8 bits is clipped there and not scaled: Pillow has it in 0..65535, and its convert('RGB')
 * takes what is beyond 255 for white.
 */
function scaling(most: number, grey: boolean): (value: number) => number {
  if (most === 255) return (value) => value
  if (grey && most > 255) return (value) => Math.min(255, roundHalfEven((value / most) * 65535))
  return (value) => Math.min(255, roundHalfEven((value / most) * 255))
}

function binaryValues(bytes: Uint8Array, start: number, most: number, count: number): () => number {
  const each = most > 255 ? 2 : 1
  if (start + each * count > bytes.length) throw new DecodeFault('the file ends within its pixels')
  let at = start
  if (each === 1) return () => bytes[at++] ?? 0
  return () => {
    at += 2
    return ((bytes[at - 2] ?? 0) << 8) | (bytes[at - 1] ?? 0)
  }
}

/** Set bits are black. */
function packedBits(bytes: Uint8Array, start: number, width: number, height: number): Uint8Array {
  const stride = Math.ceil(width / 8)
  if (start + stride * height > bytes.length) throw new DecodeFault('the file ends within its pixels')
  const pixels = new Uint8Array(width * height)
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const byte = bytes[start + row * stride + (column >> 3)] ?? 0
      pixels[row * width + column] = (byte >> (7 - (column & 7))) & 1 ? 0 : 255
    }
  }
  return pixels
}

/** Digits 0 and 1, with or without space between them. */
function plainBits(bytes: Uint8Array, start: number, count: number): Uint8Array {
  const pixels = new Uint8Array(count)
  const tokens = new Tokens(bytes, start)
  for (let place = 0; place < count; place++) {
    const digit = tokens.next()
    if (digit !== 0x30 && digit !== 0x31) {
      throw new DecodeFault(digit === null ? 'the file ends within its pixels' : 'a bit that is neither 0 nor 1')
    }
    pixels[place] = digit === 0x31 ? 0 : 255
    tokens.end++
  }
  return pixels
}

/** Numbers with space and comments (from # to the end of a line) between them. */
class Tokens {
  readonly #bytes: Uint8Array
  /** Behind the last number and the one byte of space that ends it. */
  end: number

  constructor(bytes: Uint8Array, start: number) {
    this.#bytes = bytes
    this.end = start
  }

  /** The byte of the next token, at `end` then; null at the file's end. */
  next(): number | null {
    for (; ; this.end++) {
      let byte: number | undefined = this.#bytes[this.end]
      if (byte === 0x23) {
        while (byte !== undefined && byte !== 0x0a && byte !== 0x0d) byte = this.#bytes[++this.end]
      }
      if (byte === undefined) return null
      if (!isSpace(byte)) return byte
    }
  }

  number(): number {
    let digit: number | null | undefined = this.next()
    if (digit === null) throw new DecodeFault('the file ends before its last number')
    let [value, digits] = [0, 0]
    for (; digit !== undefined && digit !== null && !isSpace(digit); digit = this.#bytes[this.end]) {
      if (digit < 0x30 || digit > 0x39 || ++digits > MOST_DIGITS) throw new DecodeFault('no number where one has to be')
      value = value * 10 + (digit - 0x30)
      this.end++
    }
    this.end++
    return value
  }
}

const isSpace = (byte: number) => byte === 0x20 || (byte >= 0x09 && byte <= 0x0d)
