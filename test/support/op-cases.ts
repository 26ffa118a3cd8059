import { GraphBuilder, type Value } from '../../src/engine/graph/graph-builder.ts'
import { ACTIVATIONS, type ActivationFunction, type Rectifier } from '../../src/engine/graph/ops/activation.ts'
import { OPS, type OpAttributes, type OpName } from '../../src/engine/graph/ops.ts'
import type { Program } from '../../src/engine/graph/program.ts'
import type { ComputeDType } from '../../src/vocabulary/dtype.ts'
import { elementCount, type Shape } from '../../src/vocabulary/shape.ts'
import { applyGradientRule } from './apply-gradient-rule.ts'
import { classes, normals, pixels, positives } from './random-tensors.ts'

/** One operand of an operation under test. */
type Operand =
  /** An activation or filter in the precision under test. */
  | { readonly kind: 'tensor'; readonly shape: Shape; readonly spread?: number }
  /** f32 in any precision: statistics, rows of features, logits. */
  | { readonly kind: 'f32' | 'positive'; readonly shape: Shape; readonly spread?: number }
  | { readonly kind: 'labels'; readonly ignored?: readonly number[]; readonly partners?: true }
  | { readonly kind: 'images'; readonly shape: Shape }

/** One operation on small odd shapes, with the gradients that its rule gives. */
export interface OpCase {
  readonly name: string
  readonly op: OpName
  /** In both precisions; others are f32 only. */
  readonly precisions: readonly ComputeDType[]
  readonly batch: number
  capture(graph: GraphBuilder, dtype: ComputeDType): Value[]
  readonly labels: Int32Array | null
  readonly images: Uint8Array | null
  readonly differentiable: boolean
  /** Gives the state that a captured case reads. */
  state(program: Program): Map<string, Float32Array>
}

const SEED = 11
const CLASSES = 7

/** Makes a case of an op; its outputs are `y<i>` and the gradients of its inputs `d<i>`. */
function opCase<N extends OpName>(
  op: N,
  batch: number,
  operands: readonly Operand[],
  attributes: (dtype: ComputeDType) => OpAttributes[N],
  description: string,
): OpCase {
  const labels = operands.find((operand) => operand.kind === 'labels')
  const images = operands.find((operand) => operand.kind === 'images')
  const both = operands.some(({ kind }) => kind === 'tensor' || kind === 'images')
  return {
    name: `${op} ${description}`,
    op,
    batch,
    precisions: both ? ['f32', 'bf16'] : ['f32'],
    differentiable: OPS[op].gradient !== null,
    labels: labels === undefined ? null : labelsOf(labels.partners ? 2 * batch : batch, labels.ignored ?? []),
    images: images === undefined ? null : pixels(elementCount(images.shape), SEED),
    capture: (graph, dtype) =>
      graph.apply(
        op,
        operands.map((operand, place) => captureOperand(graph, operand, place, dtype)),
        attributes(dtype),
      ),
    state: (program) => drawState(program, operands),
  }
}

function labelsOf(count: number, ignored: readonly number[]): Int32Array {
  return classes(count, CLASSES, SEED).map((label, row) => (ignored.includes(row) ? -1 : label))
}

function captureOperand(graph: GraphBuilder, operand: Operand, place: number, dtype: ComputeDType): Value {
  switch (operand.kind) {
    case 'labels':
      return graph.labels(operand.partners ? 'with partners' : 'own')
    case 'images': {
      const [, height = 0, width = 0, channels = 0] = operand.shape
      return graph.images(height, width, channels)
    }
    case 'tensor': {
      const state = graph.state(`x${place}`, operand.shape)
      return dtype === 'f32' ? state : graph.applyOne('Cast', [state], { dtype })
    }
    default:
      return graph.state(`x${place}`, operand.shape)
  }
}

function drawState(program: Program, operands: readonly Operand[]): Map<string, Float32Array> {
  return new Map(
    program.states.map(({ name, value }, index): [string, Float32Array] => {
      const count = elementCount(program.values[value]?.shape ?? [])
      const operand = name.startsWith('x') ? operands[Number(name.slice(1))] : undefined
      const drawn = operand?.kind === 'positive' ? positives(count, SEED, index) : normals(count, SEED, index)
      const spread = operand !== undefined && 'spread' in operand ? (operand.spread ?? 1) : 1
      return [name, drawn.map((value) => spread * value)]
    }),
  )
}

/**
 * A program of a case's operation and of its gradient rule, fed with a drawn gradient `dy` of its first output.
 * Outputs: `y0`, ... and `d<i>` of each input that the rule gives a gradient for.
 */
export function captureOpCase(opCase: OpCase, dtype: ComputeDType): Program {
  const graph = new GraphBuilder(opCase.batch)
  const outputs = opCase.capture(graph, dtype)
  const named = outputs.map((value, place) => ({ name: `y${place}`, value }))
  if (!opCase.differentiable) return graph.finish(opCase.name, named)
  const gradients = applyGradientRule(graph, (y) => arrivingGradient(graph, y))
  const leaving = gradients.flatMap((value, place) => (value === null ? [] : [{ name: `d${place}`, value }]))
  return graph.finish(opCase.name, [...named, ...leaving])
}

/** A drawn gradient of a tensor; 0.7 for a scalar. */
function arrivingGradient(graph: GraphBuilder, { shape, dtype }: Value): Value {
  if (shape.length === 0) return graph.applyOne('Constant', [], { value: 0.7 })
  const state = graph.state('dy', shape)
  return dtype === 'bf16' ? graph.applyOne('Cast', [state], { dtype }) : state
}

const tensor = (...shape: number[]): Operand => ({ kind: 'tensor', shape })
const f32 = (...shape: number[]): Operand => ({ kind: 'f32', shape })
const positive = (...shape: number[]): Operand => ({ kind: 'positive', shape })
const labels = (...ignored: number[]): Operand => ({ kind: 'labels', ignored })
const withPartners = (...ignored: number[]): Operand => ({ kind: 'labels', ignored, partners: true })

interface Convolution {
  readonly batch: number
  readonly channels: readonly [number, number]
  readonly kernel: number
  readonly size: readonly [number, number]
  readonly stride?: number
  readonly padding?: number
  readonly groups?: number
}

function convolution({ batch, channels, kernel, size, stride = 1, padding = 0, groups = 1 }: Convolution): OpCase {
  const [fanIn, fanOut] = channels
  const x = tensor(batch, fanIn, ...size)
  const w = tensor(fanOut, fanIn / groups, kernel, kernel)
  const words = `${batch}x${fanIn}x${size.join('x')} -> ${fanOut}, k ${kernel} s ${stride} p ${padding} g ${groups}`
  return opCase('Conv2D', batch, [x, w], () => ({ stride, padding, groups }), words)
}

function batchNorm(
  shape: readonly [number, number, ...number[]],
  activation: Rectifier | null,
  residual: boolean,
): OpCase {
  const [batch, channels] = shape
  const scale = { ...positive(channels), spread: activation === 'relu6' ? 5 : 1 }
  const x = shape.length === 2 ? f32(...shape) : tensor(...shape)
  const operands = [x, scale, f32(channels), ...(residual ? [x] : [])]
  const words = `${shape.join('x')}${activation === null ? '' : ` ${activation}`}${residual ? ' residual' : ''}`
  return opCase('BatchNorm', batch, operands, () => ({ epsilon: 1e-5, activation, residual }), words)
}

function inferenceNorm(
  shape: readonly [number, number, ...number[]],
  activation: Rectifier | null,
  residual: boolean,
): OpCase {
  const [batch, channels] = shape
  const scale = { ...positive(channels), spread: activation === 'relu6' ? 5 : 1 }
  const x = shape.length === 2 ? f32(...shape) : tensor(...shape)
  const vectors = [scale, f32(channels), f32(channels), positive(channels)]
  const operands = [x, ...vectors, ...(residual ? [x] : [])]
  const words = `${shape.join('x')}${activation === null ? '' : ` ${activation}`}${residual ? ' residual' : ''}`
  return opCase('BatchNormInference', batch, operands, () => ({ epsilon: 1e-5, activation, residual }), words)
}

/** Of x up to some 12, where functions are as good as straight. */
function activation(name: ActivationFunction, shape: readonly [number, number, ...number[]]): OpCase {
  const x: Operand = { kind: shape.length === 2 ? 'f32' : 'tensor', shape, spread: 4 }
  return opCase('Activation', shape[0], [x], () => ({ function: name }), `${name} of ${shape.join('x')}`)
}

interface Pooling {
  readonly image: readonly [batch: number, channels: number, height: number, width: number]
  readonly kernel: number
  readonly stride: number
  readonly padding?: number
}

function pooling(op: 'MaxPool' | 'AveragePool', { image, kernel, stride, padding = 0 }: Pooling): OpCase {
  const words = `${image.join('x')}, k ${kernel} s ${stride} p ${padding}`
  return opCase(op, image[0], [tensor(...image)], () => ({ kernel, stride, padding }), words)
}

/** Tensors of one image size whose channels go behind each other. */
function concat(channels: readonly number[], [batch, height, width]: readonly [number, number, number]): OpCase {
  const operands = channels.map((count) => tensor(batch, count, height, width))
  return opCase('Concat', batch, operands, () => ({}), `${channels.join(' + ')} of ${batch}x${height}x${width}`)
}

/** Every operation that acts on tensors, on shapes that fit no block of 8 or 16. */
export const OP_CASES: readonly OpCase[] = [
  convolution({ batch: 2, channels: [3, 16], kernel: 3, size: [7, 5], padding: 1 }),
  convolution({ batch: 1, channels: [1, 5], kernel: 3, size: [5, 5], padding: 1 }),
  convolution({ batch: 5, channels: [17, 24], kernel: 3, size: [7, 7], stride: 2, padding: 1 }),
  convolution({ batch: 2, channels: [24, 17], kernel: 1, size: [7, 5], stride: 2 }),
  convolution({ batch: 2, channels: [5, 3], kernel: 3, size: [5, 7], stride: 2, padding: 1 }),
  convolution({ batch: 3, channels: [16, 32], kernel: 3, size: [8, 8], stride: 2, padding: 1 }),
  convolution({ batch: 2, channels: [16, 16], kernel: 3, size: [1, 1], padding: 1 }),
  convolution({ batch: 5, channels: [32, 64], kernel: 1, size: [1, 5] }),
  convolution({ batch: 3, channels: [40, 20], kernel: 1, size: [9, 4] }),
  // Whole blocks of channels, stride 1: what Winograd's algorithm serves, with tiles cut off at the edges.
  convolution({ batch: 3, channels: [16, 16], kernel: 3, size: [8, 8], padding: 1 }),
  convolution({ batch: 5, channels: [32, 16], kernel: 3, size: [9, 7], padding: 1 }),
  convolution({ batch: 2, channels: [16, 48], kernel: 3, size: [5, 6], padding: 1 }),
  convolution({ batch: 1, channels: [64, 64], kernel: 3, size: [3, 2], padding: 1 }),
  // Filters too many for the cache, with tiles of several chunks.
  convolution({ batch: 65, channels: [264, 280], kernel: 3, size: [5, 1], padding: 1 }),
  convolution({ batch: 2, channels: [6, 5], kernel: 5, size: [7, 7], padding: 2 }),
  convolution({ batch: 1, channels: [3, 16], kernel: 7, size: [15, 13], stride: 2, padding: 3 }),
  convolution({ batch: 2, channels: [3, 72], kernel: 7, size: [70, 67], stride: 2, padding: 3 }),
  convolution({ batch: 2, channels: [4, 36], kernel: 5, size: [9, 8], padding: 4 }),
  convolution({ batch: 2, channels: [17, 5], kernel: 3, size: [7, 6] }),
  // Several chunks a sample; a stride beyond the kernel; strides that leave pixels over.
  convolution({ batch: 2, channels: [32, 48], kernel: 3, size: [41, 37], stride: 2, padding: 1 }),
  convolution({ batch: 2, channels: [16, 24], kernel: 2, size: [10, 8], stride: 3 }),
  convolution({ batch: 3, channels: [20, 40], kernel: 5, size: [8, 9], stride: 2, padding: 3 }),
  convolution({ batch: 3, channels: [6, 9], kernel: 3, size: [7, 5], padding: 1, groups: 3 }),
  convolution({ batch: 2, channels: [8, 8], kernel: 3, size: [7, 7], stride: 2, padding: 1, groups: 4 }),
  convolution({ batch: 2, channels: [32, 32], kernel: 3, size: [5, 5], padding: 1, groups: 2 }),
  convolution({ batch: 3, channels: [64, 96], kernel: 3, size: [7, 9], padding: 1, groups: 2 }),
  // ResNeXt: 4 channels a group (32x4d), whole blocks a group, a whole block made of groups, one channel a group.
  convolution({ batch: 2, channels: [128, 128], kernel: 3, size: [7, 5], padding: 1, groups: 32 }),
  convolution({ batch: 2, channels: [64, 64], kernel: 3, size: [5, 7], stride: 2, padding: 1, groups: 16 }),
  convolution({ batch: 3, channels: [64, 64], kernel: 3, size: [7, 6], stride: 2, padding: 1, groups: 2 }),
  convolution({ batch: 1, channels: [48, 24], kernel: 1, size: [5, 3], groups: 6 }),
  convolution({ batch: 2, channels: [17, 17], kernel: 3, size: [5, 5], padding: 1, groups: 17 }),
  // Depthwise, as in MobileNet: half a block of channels behind whole ones, rows longer than a block of registers; 5x5, even
  // kernels and strides beyond the kernel; one tap; a kernel larger than the image.
  convolution({ batch: 3, channels: [24, 24], kernel: 3, size: [9, 17], padding: 1, groups: 24 }),
  convolution({ batch: 3, channels: [40, 40], kernel: 3, size: [8, 9], stride: 2, padding: 1, groups: 40 }),
  convolution({ batch: 2, channels: [16, 16], kernel: 3, size: [7, 14], stride: 2, padding: 1, groups: 16 }),
  convolution({ batch: 2, channels: [32, 32], kernel: 5, size: [11, 7], padding: 2, groups: 32 }),
  convolution({ batch: 2, channels: [8, 8], kernel: 5, size: [9, 12], stride: 2, padding: 2, groups: 8 }),
  convolution({ batch: 2, channels: [48, 48], kernel: 2, size: [10, 8], stride: 3, groups: 48 }),
  convolution({ batch: 5, channels: [16, 16], kernel: 1, size: [5, 3], stride: 2, groups: 16 }),
  convolution({ batch: 1, channels: [16, 16], kernel: 5, size: [2, 3], padding: 3, groups: 16 }),
  convolution({ batch: 2, channels: [3, 3], kernel: 3, size: [6, 5], padding: 1, groups: 3 }),
  batchNorm([2, 17, 5, 7], null, false),
  batchNorm([5, 24, 7, 5], 'relu', false),
  batchNorm([2, 16, 5, 5], null, true),
  batchNorm([3, 5, 7, 7], 'relu', true),
  batchNorm([1, 3, 7, 5], 'relu', true),
  batchNorm([5, 1, 1, 1], null, false),
  batchNorm([2, 32, 7, 7], 'relu', true),
  batchNorm([5, 3], 'relu', false),
  batchNorm([7, 5], null, false),
  inferenceNorm([2, 17, 5, 7], 'relu', true),
  inferenceNorm([5, 3, 1, 1], null, false),
  inferenceNorm([1, 16, 7, 5], 'relu', false),
  inferenceNorm([5, 3], 'relu', false),
  batchNorm([5, 17, 5, 7], 'relu6', false),
  batchNorm([3, 16, 7, 5], 'relu6', true),
  batchNorm([7, 5], 'relu6', false),
  inferenceNorm([2, 24, 5, 7], 'relu6', true),
  ...ACTIVATIONS.flatMap((name) => [
    activation(name, [2, 17, 5, 7]),
    activation(name, [1, 3, 3, 5]),
    activation(name, [5, 7]),
  ]),
  opCase('Add', 2, [tensor(2, 17, 5, 7), tensor(2, 17, 5, 7)], () => ({}), '2x17x5x7'),
  opCase('Add', 5, [f32(5, 3), f32(5, 3)], () => ({}), '5x3'),
  pooling('MaxPool', { image: [2, 17, 7, 5], kernel: 3, stride: 2, padding: 1 }),
  pooling('MaxPool', { image: [1, 32, 8, 9], kernel: 2, stride: 2 }),
  pooling('MaxPool', { image: [5, 3, 6, 7], kernel: 3, stride: 1, padding: 1 }),
  pooling('MaxPool', { image: [2, 16, 5, 5], kernel: 3, stride: 5 }),
  pooling('AveragePool', { image: [2, 24, 8, 6], kernel: 2, stride: 2 }),
  pooling('AveragePool', { image: [3, 17, 7, 5], kernel: 2, stride: 2 }),
  pooling('AveragePool', { image: [1, 3, 7, 9], kernel: 3, stride: 2, padding: 1 }),
  pooling('AveragePool', { image: [2, 16, 9, 9], kernel: 2, stride: 3 }),
  concat([16, 32], [2, 5, 7]),
  concat([24, 12, 12], [5, 3, 5]),
  concat([80, 40, 40], [2, 3, 3]),
  concat([3, 17, 5], [2, 5, 3]),
  concat([2, 3], [1, 1, 5]),
  concat([1, 16], [3, 7, 5]),
  opCase('SliceChannels', 2, [tensor(2, 41, 5, 3)], () => ({ start: 12, channels: 24 }), '12 to 35 of 2x41x5x3'),
  opCase('SliceChannels', 5, [tensor(5, 48, 3, 7)], () => ({ start: 16, channels: 32 }), '16 to 47 of 5x48x3x7'),
  opCase('SliceChannels', 1, [tensor(1, 20, 5, 5)], () => ({ start: 17, channels: 3 }), '17 to 19 of 1x20x5x5'),
  opCase('GlobalAveragePool', 2, [tensor(2, 17, 5, 7)], () => ({}), '2x17x5x7'),
  opCase('GlobalAveragePool', 5, [tensor(5, 3, 1, 1)], () => ({}), '5x3x1x1'),
  opCase('GlobalAveragePool', 1, [tensor(1, 32, 7, 7)], () => ({}), '1x32x7x7'),
  opCase('Linear', 5, [f32(5, 17), f32(3, 17), f32(3)], () => ({}), '5x17 -> 3'),
  opCase('Linear', 1, [f32(1, 1), f32(5, 1), f32(5)], () => ({}), '1x1 -> 5'),
  opCase('Linear', 2, [f32(2, 64), f32(100, 64), f32(100)], () => ({}), '2x64 -> 100'),
  opCase('SharedLinear', 5, [f32(3, 17), f32(5, 17), f32(5, 17)], () => ({}), '2 of 5x17 -> 3'),
  opCase('SharedLinear', 1, [f32(5, 1), f32(1, 1)], () => ({}), '1x1 -> 5'),
  opCase('Softmax', 5, [f32(5, 3)], () => ({}), '5x3'),
  opCase('GatedSum', 5, [f32(5, 3), f32(5, 7), f32(5, 7), f32(5, 7)], () => ({}), '3 branches of 5x7'),
  opCase('GatedSum', 1, [f32(1, 2), f32(1, 17), f32(1, 17)], () => ({}), '2 branches of 1x17'),
  opCase('RowDots', 5, [f32(5, 7), f32(5, 7), f32(5, 7), f32(5, 7)], () => ({}), '3 keys of 5x7'),
  opCase('RowDots', 1, [f32(1, 17), f32(1, 17)], () => ({}), '1 key of 1x17'),
  opCase('Scale', 2, [tensor(2, 17, 5, 7)], () => ({ factor: 0.25 }), '2x17x5x7'),
  opCase('Scale', 5, [f32(5, 3)], () => ({ factor: -3 }), '5x3'),
  opCase('Average', 5, [f32(5, 7), f32(5, 7), f32(5, 7)], () => ({}), '3 of 5x7'),
  opCase('Average', 1, [f32(1, 17)], () => ({}), '1 of 1x17'),
  opCase('LogMeanProbability', 5, [f32(5, 7), f32(5, 7), f32(5, 7)], () => ({}), '3 of 5x7'),
  opCase('LogMeanProbability', 2, [f32(2, 100), f32(2, 100)], () => ({}), '2 of 2x100'),
  opCase('CrossEntropy', 5, [f32(5, CLASSES), labels()], () => ({ reduction: 'mean' }), 'mean of 5 rows'),
  opCase(
    'CrossEntropy',
    5,
    [f32(5, CLASSES), labels(1, 4)],
    () => ({ reduction: 'mean' }),
    'mean, 2 of 5 rows ignored',
  ),
  opCase('CrossEntropy', 2, [f32(2, CLASSES), labels(1)], () => ({ reduction: 'sum' }), 'sum, 1 of 2 rows ignored'),
  opCase('CrossEntropy', 5, [f32(5, CLASSES), withPartners()], () => ({ reduction: 'mean' }), 'own labels of two'),
  opCase(
    'CrossEntropy',
    5,
    [f32(5, CLASSES), withPartners(1, 7)],
    () => ({ reduction: 'mean', labels: 'partner' }),
    "partners' labels, 1 of 5 rows ignored",
  ),
  opCase(
    'CrossEntropy',
    5,
    [f32(5, CLASSES), labels(2)],
    () => ({ reduction: 'mean', smoothing: 0.1 }),
    'smoothed, 1 of 5 rows ignored',
  ),
  opCase(
    'CrossEntropy',
    5,
    [f32(5, CLASSES), withPartners(7)],
    () => ({ reduction: 'sum', labels: 'partner', smoothing: 0.4 }),
    "smoothed sum, partners' labels, 1 of 5 rows ignored",
  ),
  opCase('KullbackLeibler', 5, [f32(5, 7), f32(5, 7)], () => ({ temperature: 3 }), '5x7'),
  opCase('KullbackLeibler', 1, [f32(1, 100), f32(1, 100)], () => ({ temperature: 1 }), '1x100'),
  opCase('KullbackLeibler', 5, [f32(5, 7), f32(5, 7)], () => ({ temperature: 3, teacher: 'learns' }), '5x7 both learn'),
  ...[labels(), labels(1, 4), withPartners(8)].map((of, index) =>
    opCase(
      'DecoupledKullbackLeibler',
      5,
      [f32(5, CLASSES), f32(5, CLASSES), of],
      () => ({ temperature: 4 - index, target: 1, others: 2 }),
      `5x7, temperature ${4 - index}`,
    ),
  ),
  ...(['naive', 'min-logit'] as const).map((rule) =>
    opCase('CollaborativeTarget', 5, [labels(2), ...[1, 2, 3].map(() => f32(5, CLASSES))], () => ({ rule }), rule),
  ),
  opCase('TopKCorrect', 5, [f32(5, CLASSES), labels(3)], () => ({ k: 1 }), 'top 1 of 7, 1 of 5 rows ignored'),
  opCase('TopKCorrect', 5, [f32(5, CLASSES), labels()], () => ({ k: 3 }), 'top 3 of 7'),
  opCase('TopKCorrect', 5, [f32(5, CLASSES), withPartners(8)], () => ({ k: 3 }), 'top 3 of 7, own labels of two'),
  opCase(
    'Normalise',
    5,
    [{ kind: 'images', shape: [5, 7, 5, 3] }],
    (dtype) => ({ mean: [0.49, 0.48, 0.45], std: [0.2, 0.19, 0.21], dtype }),
    '5x7x5x3',
  ),
  opCase(
    'Normalise',
    2,
    [{ kind: 'images', shape: [2, 5, 5, 1] }],
    (dtype) => ({ mean: [0.5], std: [0.3], dtype }),
    '1',
  ),
]
