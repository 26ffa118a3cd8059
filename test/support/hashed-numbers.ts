/**
 * Numbers of [0, 1) that scripts/pytorch/torchvision_runs.py draws too, bit for bit: the finaliser of MurmurHash3 on index
 * and stream.
 */
export function hashed(count: number, stream: number): Float64Array {
  return Float64Array.from({ length: count }, (_, index) => {
    let x = (index + stream * 0x9e3779b9) >>> 0
    x = Math.imul(x ^ (x >>> 16), 0x85ebca6b)
    x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35)
    return ((x ^ (x >>> 16)) >>> 0) / 2 ** 32
  })
}
