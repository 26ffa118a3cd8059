import { printShape, type Shape, sameShape } from '../../vocabulary/shape.ts'
import type { ConvAttributes, OpAttributes, OpName, PoolAttributes, TensorType } from './ops.ts'

/** Types of a node's outputs from those of its inputs. Throws a plain message; the builder adds layer and shapes. */
type ShapeRule<N extends OpName> = (inputs: readonly TensorType[], attributes: OpAttributes[N]) => TensorType[]
type ShapeRules = { readonly [N in OpName]: ShapeRule<N> }

const f32 = (shape: Shape): TensorType => ({ shape, dtype: 'f32' })
const scalar: TensorType = { shape: [], dtype: 'f32' }

function need(holds: boolean, expectation: string): asserts holds {
  if (!holds) throw new Error(expectation)
}

/** The inputs, whose number must be `count`. */
function take(inputs: readonly TensorType[], count: number): [TensorType, ...TensorType[]] {
  const [first, ...rest] = inputs
  need(first !== undefined && inputs.length === count, `${count} inputs`)
  return [first, ...rest]
}

function pair(inputs: readonly TensorType[]): [TensorType, TensorType] {
  const [first, second] = take(inputs, 2)
  need(second !== undefined, '2 inputs')
  return [first, second]
}

function rank(type: TensorType | undefined, size: number, name: string): Shape {
  need(type !== undefined && type.shape.length === size, `rank ${size} for ${name}`)
  return type.shape
}

/** Output size of one spatial direction of a convolution or pooling; floor, as PyTorch. */
export function convOutputSize(
  input: number,
  kernel: number,
  { stride, padding }: ConvAttributes | PoolAttributes,
): number {
  return Math.floor((input + 2 * padding - kernel) / stride) + 1
}

function convolution(inputs: readonly TensorType[], attributes: ConvAttributes): TensorType[] {
  const [x, w] = take(inputs, 2)
  const [batch = 0, channels = 0, height = 0, width = 0] = rank(x, 4, 'x')
  const [out = 0, perGroup = 0, kernelHeight = 0, kernelWidth = 0] = rank(w, 4, 'the filter')
  const { groups } = attributes
  need(channels === perGroup * groups, `${perGroup * groups} channels of x for ${groups} groups`)
  need(out % groups === 0, 'output channels divisible by the groups')
  need(w?.dtype === x.dtype, 'x and the filter in one precision')
  const size = [convOutputSize(height, kernelHeight, attributes), convOutputSize(width, kernelWidth, attributes)]
  need(
    size.every((pixels) => pixels > 0),
    'an image at least as large as the filter',
  )
  return [{ shape: [batch, out, ...size], dtype: x.dtype }]
}

function pool(x: TensorType, attributes: PoolAttributes): TensorType {
  const [batch = 0, channels = 0, ...image] = rank(x, 4, 'x')
  const { kernel, stride, padding } = attributes
  need(kernel >= 1 && stride >= 1, 'a kernel and a stride of at least 1')
  need(2 * padding <= kernel, 'a padding of at most half the kernel')
  const size = image.map((pixels) => convOutputSize(pixels, kernel, attributes))
  need(
    size.every((pixels) => pixels > 0),
    'an image at least as large as the window',
  )
  return { shape: [batch, channels, ...size], dtype: x.dtype }
}

function batchNorm(inputs: readonly TensorType[], vectors: number, residual: boolean): TensorType {
  const [x, ...rest] = take(inputs, 1 + vectors + (residual ? 1 : 0))
  need(x.shape.length === 2 || x.shape.length === 4, 'rank 2 or 4 for x')
  const channels = [x.shape[1] ?? 0]
  for (const vector of rest.slice(0, vectors)) {
    need(vector.dtype === 'f32' && sameShape(vector.shape, channels), `f32 ${printShape(channels)} for each vector`)
  }
  const added = rest[vectors]
  need(added === undefined || (sameShape(added.shape, x.shape) && added.dtype === x.dtype), 'a residual of type of x')
  return x
}

function rowsAndLabels(logits: TensorType | undefined, labels: TensorType | undefined, of?: 'partner'): void {
  const [batch = 0] = rank(logits, 2, 'logits')
  const shapes = of === 'partner' ? [[2, batch]] : [[batch], [2, batch]]
  const fits = shapes.some((shape) => sameShape(labels?.shape ?? [], shape))
  need(labels?.dtype === 'i32' && fits, `i32 ${shapes.map(printShape).join(' or ')} for labels`)
}

function sameTypes(types: readonly TensorType[]): TensorType {
  const [first] = types
  need(first !== undefined, 'an input')
  need(
    types.every((type) => sameShape(type.shape, first.shape) && type.dtype === first.dtype),
    'inputs of one type',
  )
  return first
}

function floats(type: TensorType): TensorType {
  need(type.dtype === 'f32' || type.dtype === 'bf16', 'f32 or bf16')
  need(type.shape.length === 2 || type.shape.length === 4, 'rank 2 or 4')
  return type
}

/** Type of the mean of rows, f32 [B, n]. */
function meanOf(members: readonly TensorType[]): TensorType {
  const type = sameTypes(members)
  rank(type, 2, 'each input')
  need(type.dtype === 'f32', 'inputs of f32')
  return type
}

export const SHAPE_RULES: ShapeRules = {
  Constant: () => [scalar],
  Normalise: (inputs, { mean, std, dtype }) => {
    const [images] = take(inputs, 1)
    const [batch = 0, height = 0, width = 0, channels = 0] = rank(images, 4, 'the images')
    need(images.dtype === 'u8', 'u8 images')
    need(mean.length === channels && std.length === channels, `a mean and std for each of ${channels} channels`)
    return [{ shape: [batch, channels, height, width], dtype }]
  },
  Cast: (inputs, { dtype }) => [{ shape: take(inputs, 1)[0].shape, dtype }],
  Conv2D: convolution,
  Conv2DBackpropInput: (inputs, attributes) => {
    const [dy, w] = take(inputs, 2)
    const x = { shape: attributes.inputShape, dtype: dy.dtype }
    need(w !== undefined && sameShape(convolution([x, w], attributes)[0]?.shape ?? [], dy.shape), 'dy of the result')
    return [x]
  },
  Conv2DBackpropFilter: (inputs, attributes) => {
    const [x, dy] = take(inputs, 2)
    const w = { shape: attributes.filterShape, dtype: x.dtype }
    need(sameShape(convolution([x, w], attributes)[0]?.shape ?? [], dy?.shape ?? []), 'dy of the result')
    return [f32(attributes.filterShape)]
  },
  BatchNorm: (inputs, { residual }) => {
    const x = batchNorm(inputs, 2, residual)
    const channels = f32([x.shape[1] ?? 0])
    return [x, channels, channels]
  },
  BatchNormGrad: (inputs, { residual }) => {
    const [dy, x, y, ...vectors] = take(inputs, 6)
    need(x !== undefined && y !== undefined, 'dy, x and y')
    sameTypes([dy, x, y])
    batchNorm([x, ...vectors], 3, false)
    const channels = f32([x.shape[1] ?? 0])
    return [x, channels, channels, ...(residual ? [x] : [])]
  },
  BatchNormInference: (inputs, { residual }) => [batchNorm(inputs, 4, residual)],
  Add: (inputs) => [sameTypes(take(inputs, 2))],
  Activation: (inputs) => [floats(take(inputs, 1)[0])],
  ActivationGrad: (inputs) => [floats(sameTypes(take(inputs, 2)))],
  Multiply: (inputs) => {
    need(sameTypes(take(inputs, 2)).shape.length === 0, 'scalars')
    return [scalar]
  },
  Scale: (inputs) => {
    need(take(inputs, 1)[0].shape.length === 0, 'a scalar')
    return [scalar]
  },
  MaxPool: (inputs, attributes) => [pool(take(inputs, 1)[0], attributes)],
  MaxPoolGrad: (inputs, attributes) => {
    const [dy, x] = pair(inputs)
    sameTypes([dy, pool(x, attributes)])
    return [x]
  },
  AveragePool: (inputs, attributes) => [pool(take(inputs, 1)[0], attributes)],
  AveragePoolGrad: (inputs, attributes) => {
    const [dy] = take(inputs, 1)
    const x = { shape: attributes.inputShape, dtype: dy.dtype }
    need(sameShape(pool(x, attributes).shape, dy.shape), 'dy of the result')
    return [x]
  },
  Concat: (inputs) => {
    const [first] = inputs
    const [batch = 0, , ...image] = rank(first, 4, 'each input')
    const channels = inputs.map((input) => {
      const own = rank(input, 4, 'each input')
      need(own[0] === batch && sameShape(own.slice(2), image), 'inputs that differ in their channels only')
      need(input.dtype === first?.dtype, 'inputs of one precision')
      return own[1] ?? 0
    })
    const sum = channels.reduce((total, count) => total + count, 0)
    return [{ shape: [batch, sum, ...image], dtype: first?.dtype ?? 'f32' }]
  },
  SliceChannels: (inputs, { start, channels }) => {
    const [x] = take(inputs, 1)
    const [batch = 0, all = 0, ...image] = rank(x, 4, 'x')
    need(start >= 0 && channels >= 1 && start + channels <= all, `channels ${start} to ${start + channels - 1} of x`)
    return [{ shape: [batch, channels, ...image], dtype: x.dtype }]
  },
  GlobalAveragePool: (inputs) => [f32(rank(take(inputs, 1)[0], 4, 'x').slice(0, 2))],
  GlobalAveragePoolGrad: (inputs, { inputShape, dtype }) => {
    need(sameShape(take(inputs, 1)[0].shape, inputShape.slice(0, 2)), 'dy of the pooled shape')
    return [{ shape: inputShape, dtype }]
  },
  Linear: (inputs) => {
    const [x, w, bias] = take(inputs, 3)
    const [batch = 0, fanIn = 0] = rank(x, 2, 'x')
    const [fanOut = 0, weightIn = 0] = rank(w, 2, 'w')
    need(fanIn === weightIn, `${weightIn} features of x`)
    need(sameShape(bias?.shape ?? [], [fanOut]), `[${fanOut}] for the bias`)
    return [f32([batch, fanOut])]
  },
  LinearBackpropInput: (inputs) => {
    const [dy, w] = take(inputs, 2)
    const [batch = 0, fanOut = 0] = rank(dy, 2, 'dy')
    const [rows = 0, fanIn = 0] = rank(w, 2, 'w')
    need(rows === fanOut, `${fanOut} rows of w`)
    return [f32([batch, fanIn])]
  },
  LinearBackpropWeights: (inputs) => {
    const [x, dy] = take(inputs, 2)
    const [batch, fanIn = 0] = rank(x, 2, 'x')
    const [rows, fanOut = 0] = rank(dy, 2, 'dy')
    need(batch === rows, 'as many rows of x as of dy')
    return [f32([fanOut, fanIn]), f32([fanOut])]
  },
  Softmax: (inputs) => {
    rank(inputs[0], 2, 'x')
    return take(inputs, 1)
  },
  SoftmaxGrad: (inputs) => [sameTypes(take(inputs, 2))],
  GatedSum: (inputs) => {
    const [gate, ...logits] = inputs
    const [batch, branches = 0] = rank(gate, 2, 'the gate')
    need(logits.length === branches, `logits of ${branches} branches`)
    const type = sameTypes(logits)
    need(rank(type, 2, 'logits')[0] === batch, 'as many rows of logits as of the gate')
    return [type]
  },
  GatedSumGrad: (inputs) => {
    const [dteacher, gate, ...logits] = inputs
    need(dteacher !== undefined && gate !== undefined, 'dteacher, gate and logits')
    sameTypes([dteacher, ...logits])
    return [gate, ...logits]
  },
  Average: (inputs) => [meanOf(inputs)],
  AverageGrad: (inputs) => [meanOf(take(inputs, 1))],
  LogMeanProbability: (inputs) => [meanOf(inputs)],
  CrossEntropy: (inputs, { labels }) => {
    rowsAndLabels(...pair(inputs), labels)
    return [scalar]
  },
  CrossEntropyGrad: (inputs, attributes) => {
    const [, logits, labels] = take(inputs, 3)
    rowsAndLabels(logits, labels, attributes.labels)
    return logits === undefined ? [] : [logits]
  },
  KullbackLeibler: (inputs) => {
    rank(sameTypes(take(inputs, 2)), 2, 'logits')
    return [scalar]
  },
  KullbackLeiblerGrad: (inputs) => {
    const [, teacher, student] = take(inputs, 3)
    need(teacher !== undefined && student !== undefined, 'dloss, teacher and student')
    return [sameTypes([teacher, student])]
  },
  TopKCorrect: (inputs) => {
    rowsAndLabels(...pair(inputs))
    return [scalar]
  },
  AllReduceMean: (inputs) => [take(inputs, 1)[0]],
  SgdNesterov: (inputs) => {
    const [weight, momentum, gradient, rate] = take(inputs, 4)
    need(momentum !== undefined && gradient !== undefined, 'w, momentum, gradient and learning rate')
    need(rate?.shape.length === 0, 'a scalar learning rate')
    const type = sameTypes([weight, momentum, gradient])
    return [type, type]
  },
  OptimizerUpdate: (inputs, { results }) => {
    const tensors = inputs.slice(0, results.length + 1)
    const scalars = inputs.slice(results.length + 1)
    need(tensors.length === results.length + 1, `w, ${results.length - 1} states and a gradient`)
    need(scalars.length > 0 && scalars.every(({ shape }) => shape.length === 0), 'a scalar learning rate')
    const type = sameTypes(tensors)
    return results.map(() => type)
  },
  RunningAverage: (inputs) => [sameTypes(take(inputs, 2))],
}
