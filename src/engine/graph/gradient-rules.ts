import type { GraphBuilder, Value } from './graph-builder.ts'
import { isRectifier, type OpAttributes, type OpName } from './ops.ts'

/** What a gradient rule sees of the forward node. */
export interface ForwardNode<N extends OpName> {
  readonly inputs: readonly Value[]
  readonly outputs: readonly Value[]
  readonly attributes: OpAttributes[N]
  readonly label: string
  /** Whether the gradient of input i is wanted. */
  wants(input: number): boolean
}

/**
 * Gradients of a node's inputs from those of its outputs (null = the output does not reach the loss). Returns one entry
 * an input, null where it has none or is not wanted. `null` as the rule: the operation is never differentiated.
 */
type GradientRule<N extends OpName> =
  | ((graph: GraphBuilder, node: ForwardNode<N>, gradients: readonly (Value | null)[]) => (Value | null)[])
  | null
type GradientRules = { readonly [N in OpName]: GradientRule<N> }

function at<T>(list: readonly T[], index: number): T {
  const item = list[index]
  if (item === undefined) throw new Error(`Expected an operand at place ${index} but received ${list.length} operands`)
  return item
}

/** The gradient of the only differentiated output. */
function first(gradients: readonly (Value | null)[]): Value {
  const gradient = gradients[0]
  if (gradient === null || gradient === undefined) throw new Error('Expected a gradient for the first output')
  return gradient
}

export const GRADIENT_RULES: GradientRules = {
  Constant: null,
  Normalise: null,
  Cast: (graph, { inputs, label }, gradients) => {
    const dy = first(gradients)
    const { dtype } = at(inputs, 0)
    if (dy.dtype === dtype) return [dy]
    if (dtype !== 'f32' && dtype !== 'bf16') throw new Error(`Expected f32 or bf16 for a cast but received ${dtype}`)
    return [graph.applyOne('Cast', [dy], { dtype }, label)]
  },
  Conv2D: (graph, { inputs, attributes, label, wants }, gradients) => {
    const dy = first(gradients)
    const x = at(inputs, 0)
    const w = at(inputs, 1)
    const filter = wants(1)
      ? graph.applyOne('Conv2DBackpropFilter', [x, dy], { ...attributes, filterShape: w.shape }, label)
      : null
    const input = wants(0)
      ? graph.applyOne('Conv2DBackpropInput', [dy, w], { ...attributes, inputShape: x.shape }, label)
      : null
    return [input, filter]
  },
  Conv2DBackpropInput: null,
  Conv2DBackpropFilter: null,
  BatchNorm: (graph, { inputs, outputs, attributes, label }, gradients) => {
    const [x, scale] = [at(inputs, 0), at(inputs, 1)]
    const [y, mean, variance] = [at(outputs, 0), at(outputs, 1), at(outputs, 2)]
    return graph.apply('BatchNormGrad', [first(gradients), x, y, scale, mean, variance], attributes, label)
  },
  BatchNormGrad: null,
  BatchNormInference: null,
  Add: (_graph, _node, gradients) => [first(gradients), first(gradients)],
  Activation: (graph, { inputs, outputs, attributes, label }, gradients) => {
    const source = isRectifier(attributes.function) ? at(outputs, 0) : at(inputs, 0)
    return [graph.applyOne('ActivationGrad', [first(gradients), source], attributes, label)]
  },
  ActivationGrad: null,
  Multiply: (graph, { inputs, label, wants }, gradients) => {
    const times = (other: Value) => graph.applyOne('Multiply', [first(gradients), other], {}, label)
    return [wants(0) ? times(at(inputs, 1)) : null, wants(1) ? times(at(inputs, 0)) : null]
  },
  Scale: (graph, { attributes, label }, gradients) => [graph.applyOne('Scale', [first(gradients)], attributes, label)],
  MaxPool: (graph, { inputs, attributes, label }, gradients) => [
    graph.applyOne('MaxPoolGrad', [first(gradients), at(inputs, 0)], attributes, label),
  ],
  MaxPoolGrad: null,
  AveragePool: (graph, { inputs, attributes, label }, gradients) => {
    const backward = { ...attributes, inputShape: at(inputs, 0).shape }
    return [graph.applyOne('AveragePoolGrad', [first(gradients)], backward, label)]
  },
  AveragePoolGrad: null,
  Concat: (graph, { inputs, label, wants }, gradients) => {
    let next = 0
    return inputs.map(({ shape }, place) => {
      const channels = shape[1] ?? 0
      const start = next
      next += channels
      return wants(place) ? graph.applyOne('SliceChannels', [first(gradients)], { start, channels }, label) : null
    })
  },
  SliceChannels: null,
  GlobalAveragePool: (graph, { inputs, label }, gradients) => {
    const { shape, dtype } = at(inputs, 0)
    if (dtype !== 'f32' && dtype !== 'bf16') throw new Error(`Expected f32 or bf16 for a pool but received ${dtype}`)
    return [graph.applyOne('GlobalAveragePoolGrad', [first(gradients)], { inputShape: shape, dtype }, label)]
  },
  GlobalAveragePoolGrad: null,
  Linear: (graph, { inputs, label, wants }, gradients) => {
    const dy = first(gradients)
    const weights = graph.apply('LinearBackpropWeights', [at(inputs, 0), dy], {}, label)
    const input = wants(0) ? graph.applyOne('LinearBackpropInput', [dy, at(inputs, 1)], {}, label) : null
    return [input, ...weights]
  },
  LinearBackpropInput: null,
  LinearBackpropWeights: null,
  Softmax: (graph, { outputs, label }, gradients) => [
    graph.applyOne('SoftmaxGrad', [first(gradients), at(outputs, 0)], {}, label),
  ],
  SoftmaxGrad: null,
  GatedSum: (graph, { inputs, label }, gradients) =>
    graph.apply('GatedSumGrad', [first(gradients), ...inputs], {}, label),
  GatedSumGrad: null,
  Average: (graph, { inputs, label }, gradients) => {
    const share = graph.applyOne('AverageGrad', [first(gradients)], { count: inputs.length }, label)
    return inputs.map(() => share)
  },
  AverageGrad: null,
  LogMeanProbability: null,
  CrossEntropy: (graph, { inputs, attributes, label }, gradients) => [
    graph.applyOne('CrossEntropyGrad', [first(gradients), ...inputs], attributes, label),
    null,
  ],
  CrossEntropyGrad: null,
  KullbackLeibler: (graph, { inputs, attributes, label }, gradients) => [
    null,
    graph.applyOne('KullbackLeiblerGrad', [first(gradients), ...inputs], attributes, label),
  ],
  KullbackLeiblerGrad: null,
  TopKCorrect: null,
  AllReduceMean: null,
  SgdNesterov: null,
  OptimizerUpdate: null,
  RunningAverage: null,
}
