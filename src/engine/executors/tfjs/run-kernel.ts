import * as tf from '@tensorflow/tfjs-core'

/** Calls a kernel of the backend by its name, with what tfjs' own operations of that name would give it. */
export function runKernel(
  name: string,
  inputs: tf.NamedTensorMap,
  attributes: Readonly<Record<string, unknown>>,
): tf.Tensor {
  // What a kernel takes is known by its name only.
  return tf.engine().runKernel(name, inputs, attributes as Parameters<tf.KernelFunc>[0]['attrs'] & object)
}

/** x [B, H, W, C] with `padding` pixels of `value` on all four sides. */
export function padImage(x: tf.Tensor, padding: number, value: number): tf.Tensor {
  if (padding === 0) return x
  const around: [number, number] = [padding, padding]
  return tf.pad(x, [[0, 0], around, around, [0, 0]], value)
}
