/**
 * Counter-based random numbers: Philox 4x32-10 (Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011).
 * A draw is a pure function of (seed, purpose, a, b, n), so no number depends on which worker draws it, or when.
 */

/** What the numbers are for; streams of different purposes are independent. */
export const PURPOSES = {
  order: 1,
  augment: 2,
  weights: 3,
  perturbation: 4,
  branch: 5,
  colour: 6,
  mix: 7,
  own: 8,
  policy: 9,
} as const
export type Purpose = keyof typeof PURPOSES

/** Numbers that follow from a key: the same for the same (seed, purpose, epoch, sample) in whatever thread. */
export interface RandomStream {
  /** Uniform in 0 .. 2^32 - 1. */
  uint32(): number
  /** Uniform in [0, 1), 32 random bits. */
  uniform(): number
  /** Uniform whole number in 0 .. limit - 1 (limit at most 2^32; bias below limit / 2^32). */
  below(limit: number): number
  /** Standard normal (Box-Muller). */
  normal(): number
}

// Words are 32-bit integers with a sign, which engines compute without floating point; the bits are the same.
const HIGH_MULTIPLIER = 0xd2511f53 | 0
const LOW_MULTIPLIER = 0xcd9e8d57 | 0
const HIGH_KEY_STEP = 0x9e3779b9 | 0
const LOW_KEY_STEP = 0xbb67ae85 | 0

/** The upper 32 bits of an unsigned 32 x 32 bit product, in pieces of 16 bits: no sum here exceeds 32 bits. */
function multiplyHigh(left: number, right: number): number {
  const leftLow = left & 0xffff
  const leftHigh = left >>> 16
  const rightLow = right & 0xffff
  const rightHigh = right >>> 16
  const middle = (Math.imul(leftHigh, rightLow) + (Math.imul(leftLow, rightLow) >>> 16)) | 0
  const carry = (Math.imul(leftLow, rightHigh) + (middle & 0xffff)) | 0
  return (Math.imul(leftHigh, rightHigh) + (middle >>> 16) + (carry >>> 16)) | 0
}

/** Ten rounds of Philox 4x32 over `counter` under `key` (2 words), written back into `counter` (4 words). */
export function philox(counter: Uint32Array, key: readonly [number, number]): void {
  let k0 = key[0] | 0
  let k1 = key[1] | 0
  let c0 = (counter[0] ?? 0) | 0
  let c1 = (counter[1] ?? 0) | 0
  let c2 = (counter[2] ?? 0) | 0
  let c3 = (counter[3] ?? 0) | 0
  for (let round = 0; round < 10; round++) {
    const high0 = multiplyHigh(HIGH_MULTIPLIER, c0)
    const low0 = Math.imul(HIGH_MULTIPLIER, c0)
    const high1 = multiplyHigh(LOW_MULTIPLIER, c2)
    const low1 = Math.imul(LOW_MULTIPLIER, c2)
    c0 = high1 ^ c1 ^ k0
    c1 = low1
    c2 = high0 ^ c3 ^ k1
    c3 = low0
    k0 = (k0 + HIGH_KEY_STEP) | 0
    k1 = (k1 + LOW_KEY_STEP) | 0
  }
  counter[0] = c0
  counter[1] = c1
  counter[2] = c2
  counter[3] = c3
}

/**
 * The stream of one (seed, purpose, a, b), e.g. (seed, 'augment', epoch, sample).
 * @param seed whole number below 2^32
 */
export function randomStream(seed: number, purpose: Purpose, a = 0, b = 0): RandomStream {
  const key: readonly [number, number] = [seed >>> 0, PURPOSES[purpose]]
  const block = new Uint32Array(4)
  let blocks = 0
  let used = 4
  let spareNormal: number | null = null

  function uint32(): number {
    if (used === 4) {
      drawBlock(block, blocks++, a, b, key)
      used = 0
    }
    return block[used++] ?? 0
  }
  const uniform = () => uint32() / 0x100000000

  function normal(): number {
    if (spareNormal !== null) {
      const value = spareNormal
      spareNormal = null
      return value
    }
    const radius = normalRadius(uint32())
    const angle = normalAngle(uint32())
    spareNormal = radius * Math.sin(angle)
    return radius * Math.cos(angle)
  }
  return { uint32, uniform, below: (limit) => Math.floor(uniform() * limit), normal }
}

/**
 * Writes `scale` times the stream's first normal numbers: the same as one `normal()` after the other, in half the time.
 * @param stream seed, purpose, a and b as in randomStream
 */
export function fillNormal(
  target: Float32Array,
  scale: number,
  ...[seed, purpose, a = 0, b = 0]: Parameters<typeof randomStream>
): void {
  const key: readonly [number, number] = [seed >>> 0, PURPOSES[purpose]]
  const block = new Uint32Array(4)
  for (let first = 0, blocks = 0; first < target.length; first += 4, blocks++) {
    drawBlock(block, blocks, a, b, key)
    for (let pair = 0; pair < 4; pair += 2) {
      const radius = normalRadius(block[pair] ?? 0)
      const angle = normalAngle(block[pair + 1] ?? 0)
      // Behind the end a write to a typed array does nothing.
      target[first + pair] = scale * (radius * Math.cos(angle))
      target[first + pair + 1] = scale * (radius * Math.sin(angle))
    }
  }
}

function drawBlock(block: Uint32Array, place: number, a: number, b: number, key: readonly [number, number]): void {
  block[0] = place
  block[1] = a
  block[2] = b
  block[3] = Math.floor(b / 0x100000000)
  philox(block, key)
}

// Box-Muller: radius and angle of a point of the plane, whose coordinates are two normal numbers.
const normalRadius = (bits: number) => Math.sqrt(-2 * Math.log((bits + 1) / 0x100000000))
const normalAngle = (bits: number) => 2 * Math.PI * (bits / 0x100000000)
