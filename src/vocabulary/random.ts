/**
 * Counter-based random numbers: Philox 4x32-10 (Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011).
 * A draw is a pure function of (seed, purpose, a, b, n), so no number depends on which worker draws it, or when.
 */

/** What the numbers are for; streams of different purposes are independent. */
export const PURPOSES = { order: 1, augment: 2, weights: 3, perturbation: 4, branch: 5 } as const
export type Purpose = keyof typeof PURPOSES

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

const HIGH_MULTIPLIER = 0xd2511f53
const LOW_MULTIPLIER = 0xcd9e8d57

/** The upper 32 bits of a 32 x 32 bit product, in pieces of 16 bits as doubles hold 53. */
function multiplyHigh(left: number, right: number): number {
  const leftLow = left & 0xffff
  const leftHigh = left >>> 16
  const rightLow = right & 0xffff
  const rightHigh = right >>> 16
  const middle = leftHigh * rightLow + ((leftLow * rightLow) >>> 16)
  const carry = (middle % 0x10000) + leftLow * rightHigh
  return (leftHigh * rightHigh + Math.floor(middle / 0x10000) + Math.floor(carry / 0x10000)) >>> 0
}

/** Ten rounds of Philox 4x32 over `counter` under `key` (2 words), written back into `counter` (4 words). */
export function philox(counter: Uint32Array, key: readonly [number, number]): void {
  let [k0, k1] = key
  let c0 = counter[0] ?? 0
  let c1 = counter[1] ?? 0
  let c2 = counter[2] ?? 0
  let c3 = counter[3] ?? 0
  for (let round = 0; round < 10; round++) {
    const high0 = multiplyHigh(HIGH_MULTIPLIER, c0)
    const low0 = Math.imul(HIGH_MULTIPLIER, c0)
    const high1 = multiplyHigh(LOW_MULTIPLIER, c2)
    const low1 = Math.imul(LOW_MULTIPLIER, c2)
    c0 = (high1 ^ c1 ^ k0) >>> 0
    c1 = low1 >>> 0
    c2 = (high0 ^ c3 ^ k1) >>> 0
    c3 = low0 >>> 0
    k0 = (k0 + 0x9e3779b9) >>> 0
    k1 = (k1 + 0xbb67ae85) >>> 0
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
      block[0] = blocks++
      block[1] = a
      block[2] = b
      block[3] = Math.floor(b / 0x100000000)
      philox(block, key)
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
    const radius = Math.sqrt(-2 * Math.log((uint32() + 1) / 0x100000000))
    const angle = 2 * Math.PI * uniform()
    spareNormal = radius * Math.sin(angle)
    return radius * Math.cos(angle)
  }
  return { uint32, uniform, below: (limit) => Math.floor(uniform() * limit), normal }
}
