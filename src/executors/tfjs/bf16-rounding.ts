import * as tf from '@tensorflow/tfjs-core'

const EXPONENT = 0x7f800000

/** The nearest bf16 values of f32 numbers (ties to even; infinities and NaN stay), widened to f32 again. */
export function roundedToBf16(values: Float32Array): Float32Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)
  const rounded = new Uint32Array(values.length)
  for (let place = 0; place < bits.length; place++) {
    const word = bits[place] ?? 0
    const finite = (word & EXPONENT) !== EXPONENT
    rounded[place] = finite ? (word + 0x7fff + ((word >>> 16) & 1)) & 0xffff0000 : word
  }
  return new Float32Array(rounded.buffer)
}

/** bf16 is emulated: TensorFlow.js has no such type, so tensors hold f32 numbers that bf16 can hold too. */
export function roundTensorToBf16(tensor: tf.Tensor): tf.Tensor {
  return tf.tensor(roundedToBf16(tensor.dataSync<'float32'>()), tensor.shape, 'float32')
}
