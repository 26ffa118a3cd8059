/** Element types the step graph knows. `u8` is pixels, `i32` labels; arithmetic is `f32` or `bf16`. */
const DTYPES = ['f32', 'bf16', 'u8', 'i32'] as const
export type DType = (typeof DTYPES)[number]

/** Arithmetic precision of activations and of the weights' working copies; the master weights are always f32. */
export type ComputeDType = Extract<DType, 'f32' | 'bf16'>

const BYTES = { f32: 4, bf16: 2, u8: 1, i32: 4 } as const satisfies Record<DType, number>

/** Bytes of one element. */
export function bytesPerElement(dtype: DType): number {
  return BYTES[dtype]
}

/** The upper half of an f32 word holds bf16; exponents of all ones are infinities and NaN. */
const [EXPONENT, MANTISSA, QUIET] = [0x7f800000, 0x007fffff, 0x0040]

/** Bits of the nearest bf16 values of f32 numbers (ties to even; infinities and NaN stay). */
export function bf16Bits(values: Float32Array): Uint16Array {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length)
  return Uint16Array.from(words, (word) => {
    if ((word & EXPONENT) !== EXPONENT) return (word + 0x7fff + ((word >>> 16) & 1)) >>> 16
    return (word >>> 16) | ((word & MANTISSA) === 0 ? 0 : QUIET)
  })
}

const scratch = new DataView(new ArrayBuffer(4))

/** The nearest bf16 value of a number (round to nearest, ties to even; NaN stays NaN), returned as a number. */
export function roundToBf16(value: number): number {
  scratch.setFloat32(0, value)
  const bits = scratch.getUint32(0)
  if ((bits & 0x7f800000) === 0x7f800000) return value
  scratch.setUint32(0, ((bits + 0x7fff + ((bits >>> 16) & 1)) & 0xffff0000) >>> 0)
  return scratch.getFloat32(0)
}
