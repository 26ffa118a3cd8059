import * as tf from '@tensorflow/tfjs-core'
import { bf16Bits } from '../../../vocabulary/dtype.ts'

/** The nearest bf16 values of f32 numbers (ties to even; infinities and NaN stay), widened to f32 again. */
export function roundedToBf16(values: Float32Array): Float32Array {
  const words = Uint32Array.from(bf16Bits(values), (bits) => bits << 16)
  return new Float32Array(words.buffer)
}

/** bf16 is emulated: TensorFlow.js has no such type, so tensors hold f32 numbers that bf16 can hold too. */
export function roundTensorToBf16(tensor: tf.Tensor): tf.Tensor {
  return tf.tensor(roundedToBf16(tensor.dataSync<'float32'>()), tensor.shape, 'float32')
}
