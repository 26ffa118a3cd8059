import * as tf from '@tensorflow/tfjs-core'
import type { ConvAttributes, ConvolutionOps } from '../../graph/ops/convolution.ts'
import type { KernelsOf } from './kernel.ts'
import { padImage, runKernel } from './run-kernel.ts'
import { storedShape } from './stored-layout.ts'

/** Filters as stored [O, k, k, I] <-> as TensorFlow has them [k, k, I, O]. */
const TO_HWIO = [1, 2, 3, 0]
const TO_OHWI = [3, 0, 1, 2]

/**
 * Convolutions by the backend's kernels, which know no groups: these are split and concatenated. PyTorch's geometry is
 * padding on all four sides and an output size that is rounded down.
 */
export const CONVOLUTION_KERNELS: KernelsOf<keyof ConvolutionOps> = {
  Conv2D: ({ input, attributes }) => {
    const { groups } = attributes
    const filters = split(tf.transpose(input('filters'), TO_HWIO), groups)
    const outputs = perGroup(split(input('x'), groups), filters, (x, filter) =>
      runKernel('Conv2D', { x, filter }, { ...geometry(attributes), dilations: [1, 1] }),
    )
    return [tf.concat(outputs, 3)]
  },
  Conv2DBackpropInput: ({ input, attributes }) => {
    const { groups, inputShape } = attributes
    const [batch = 0, height = 0, width = 0, channels = 0] = storedShape(inputShape)
    const shape: ImageShape = [batch, height, width, channels / groups]
    const gradient = tf.getBackend() === 'cpu' ? inputGradientByKernel : croppedInputGradient
    const filters = split(tf.transpose(input('filters'), TO_HWIO), groups)
    const outputs = perGroup(split(input('dy'), groups), filters, (dy, filter) =>
      gradient(dy, filter, shape, attributes),
    )
    return [tf.concat(outputs, 3)]
  },
  Conv2DBackpropFilter: ({ input, attributes }) => {
    const { groups, stride, filterShape } = attributes
    const [out = 0, perGroupIn = 0, height = 0, width = 0] = filterShape
    const shape = [height, width, perGroupIn, out / groups]
    const gradient = tf.getBackend() === 'cpu' ? filterGradientByProduct : filterGradientByKernel
    const images = split(padImage(input('x'), attributes.padding, 0), groups)
    const filters = perGroup(images, split(input('dy'), groups), (x, dy) => gradient(x, dy, shape, stride))
    return [tf.transpose(tf.concat(filters, 3), TO_OHWI)]
  },
}

/** [B, H, W, C]. */
type ImageShape = readonly [batch: number, height: number, width: number, channels: number]

/** dx [B, H, W, I] of dy [B, H', W', O] and a filter [k, k, I, O]. */
function inputGradientByKernel(dy: tf.Tensor, filter: tf.Tensor, shape: ImageShape, attributes: ConvAttributes) {
  return runKernel('Conv2DBackpropInput', { dy, filter }, { ...geometry(attributes), inputShape: [...shape] })
}

/** The same for backends whose kernel refuses padding: the gradient of the padded image, cropped. */
function croppedInputGradient(dy: tf.Tensor, filter: tf.Tensor, shape: ImageShape, attributes: ConvAttributes) {
  const [batch, height, width, channels] = shape
  const { padding, stride, groups } = attributes
  const around: ImageShape = [batch, height + 2 * padding, width + 2 * padding, channels]
  const gradient = inputGradientByKernel(dy, filter, around, { stride, groups, padding: 0 })
  return tf.slice(gradient, [0, padding, padding, 0], [...shape])
}

/** dw [k, k, I, O] of a padded x [B, H, W, I] and dy [B, H', W', O] by the backend's own kernel. */
export function filterGradientByKernel(x: tf.Tensor, dy: tf.Tensor, filterShape: number[], stride: number): tf.Tensor {
  return runKernel('Conv2DBackpropFilter', { x, dy }, { ...geometry({ stride, padding: 0 }), filterShape })
}

/**
 * The same as one matrix product of the image's windows and dy: the kernel of the JavaScript backend checks the indices of
 * each of its multiply-adds and takes many times as long.
 */
export function filterGradientByProduct(x: tf.Tensor, dy: tf.Tensor, filterShape: number[], stride: number): tf.Tensor {
  const [height = 0, width = 0, fanIn = 0, fanOut = 0] = filterShape
  const windows = windowsOf(x, dy.shape, [height, width], stride)
  return tf.reshape(tf.matMul(windows, tf.reshape(dy, [-1, fanOut]), true, false), [height, width, fanIn, fanOut])
}

/** What the filter sees at each place of the output: [B H' W', k k I] of x [B, H, W, I]. */
function windowsOf(
  x: tf.Tensor,
  [batch = 0, outHeight = 0, outWidth = 0]: number[],
  [height, width]: [number, number],
  stride: number,
): tf.Tensor {
  const [, imageHeight = 0, imageWidth = 0, channels = 0] = x.shape
  const pixels = x.dataSync<'float32'>()
  const line = width * channels
  const windows = new Float32Array(batch * outHeight * outWidth * height * line)
  let offset = 0
  for (let image = 0; image < batch; image++) {
    for (let place = 0; place < outHeight * outWidth; place++) {
      const [top, left] = [Math.floor(place / outWidth) * stride, (place % outWidth) * stride]
      for (let row = 0; row < height; row++) {
        const begin = ((image * imageHeight + top + row) * imageWidth + left) * channels
        windows.set(pixels.subarray(begin, begin + line), offset)
        offset += line
      }
    }
  }
  return tf.tensor2d(windows, [batch * outHeight * outWidth, height * line])
}

function geometry({ stride, padding }: Pick<ConvAttributes, 'stride' | 'padding'>) {
  const around = [padding, padding]
  const pad = padding === 0 ? 'valid' : [[0, 0], around, around, [0, 0]]
  return { strides: [stride, stride], pad, dataFormat: 'NHWC', dimRoundingMode: 'floor' }
}

function split(x: tf.Tensor, groups: number): tf.Tensor[] {
  return groups === 1 ? [x] : tf.split(x, groups, 3)
}

function perGroup(
  left: readonly tf.Tensor[],
  right: readonly tf.Tensor[],
  compute: (left: tf.Tensor, right: tf.Tensor) => tf.Tensor,
): tf.Tensor[] {
  return left.map((tensor, group) => {
    const other = right[group]
    if (other === undefined) throw new Error(`Expected ${left.length} groups but received ${right.length}`)
    return compute(tensor, other)
  })
}
