/** Operations that give each byte a new one by a table: Pillow's ImageOps. */
import type { Picture } from './picture.ts'

/** Gives the bytes of one channel, or of all, their new values. */
export function applyTable(pixels: Uint8Array, table: Uint8Array, first = 0, step = 1): void {
  for (let place = first; place < pixels.length; place += step) pixels[place] = table[pixels[place] ?? 0] ?? 0
}

const byteTable = (change: (byte: number) => number) => Uint8Array.from({ length: 256 }, (_, byte) => change(byte))

const INVERTED = byteTable((byte) => 255 - byte)

export const invert = ({ pixels }: Picture) => applyTable(pixels, INVERTED)

/** Keeps the upper `bits` of each byte. */
export function posterize({ pixels }: Picture, bits: number): void {
  const mask = ~(2 ** (8 - bits) - 1)
  applyTable(
    pixels,
    byteTable((byte) => byte & mask),
  )
}

/** Inverts the bytes from `threshold` on. */
export function solarize({ pixels }: Picture, threshold: number): void {
  applyTable(
    pixels,
    byteTable((byte) => (byte < threshold ? byte : 255 - byte)),
  )
}

/** Stretches each channel to 0 - 255. */
export function autoContrast({ pixels }: Picture): void {
  for (let channel = 0; channel < 3; channel++) {
    const counts = histogram(pixels, channel)
    const low = counts.findIndex((count) => count > 0)
    const high = counts.findLastIndex((count) => count > 0)
    if (high <= low) continue
    const scale = 255 / (high - low)
    const shift = -low * scale
    const table = byteTable((byte) => Math.max(0, Math.min(255, Math.trunc(byte * scale + shift))))
    applyTable(pixels, table, channel, 3)
  }
}

/** Makes each channel's histogram as even as bytes allow. */
export function equalize({ pixels }: Picture): void {
  for (let channel = 0; channel < 3; channel++) {
    const counts = histogram(pixels, channel)
    const last = counts.findLast((count) => count > 0) ?? 0
    const step = Math.floor((pixels.length / 3 - last) / 255)
    if (step === 0) continue
    let sum = Math.floor(step / 2)
    const table = byteTable((byte) => {
      const level = Math.min(255, Math.floor(sum / step))
      sum += counts[byte] ?? 0
      return level
    })
    applyTable(pixels, table, channel, 3)
  }
}

function histogram(pixels: Uint8Array, channel: number): Int32Array {
  const counts = new Int32Array(256)
  for (let place = channel; place < pixels.length; place += 3) {
    const byte = pixels[place] ?? 0
    counts[byte] = (counts[byte] ?? 0) + 1
  }
  return counts
}
