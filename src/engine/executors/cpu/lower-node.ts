import type { Shape } from '../../../vocabulary/shape.ts'
import type { ConvAttributes, OpName, PoolAttributes, Rectifier } from '../../graph/ops.ts'
import { type NodeFor, type ProgramNode, typeOf, type ValueId } from '../../graph/program.ts'
import type { Lowering } from './lowering.ts'
import { float, type Word } from './plan-words.ts'
import { planSizes } from './storage.ts'

type LoweringRule<N extends OpName> = (lowering: Lowering, node: NodeFor<N>) => void
type LoweringRules = { readonly [N in OpName]: LoweringRule<N> }

const NONE = -1

/** What the relu mask of a batch norm's gradient is computed from (native/engine/kernels/batch_norm/batch_norm_backward_input.hpp). */
const MASK_SOURCES = { none: 0, output: 1, input: 2, sum: 3 } as const

/** Activations that batch norm applies itself (native/engine/kernels/vector/rectifier.hpp). */
const RECTIFIER_NUMBERS = { none: 0, relu: 1, relu6: 2 } as const

const rectifierNumber = (activation: Rectifier | null) => RECTIFIER_NUMBERS[activation ?? 'none']

function at(ids: readonly ValueId[], place: number): ValueId {
  const id = ids[place]
  if (id === undefined) throw new Error(`Expected an operand at place ${place} but received ${ids.length} operands`)
  return id
}

/** Words of a filter [O, I / groups, k, k]: place in the state, sizes, precision, geometry. */
function filterWords(
  [out = 0, perGroup = 0, kernelHeight = 0, kernelWidth = 0]: Shape,
  stateOffset: number,
  dtype: 'f32' | 'bf16',
  { groups, stride, padding }: ConvAttributes,
): Word[] {
  return [stateOffset, groups, out, perGroup, kernelHeight, kernelWidth, dtype === 'f32' ? 0 : 1, stride, padding]
}

/** Words of a convolution whose filter is a state tensor or its cast. */
function convolutionWords(lowering: Lowering, filter: ValueId, attributes: ConvAttributes): Word[] {
  const { shape } = typeOf(lowering.program, filter)
  const home = lowering.home(filter)
  if (home.kind !== 'state') throw new Error(`Expected a filter from the state but received ${home.kind}`)
  return filterWords(shape, lowering.state(filter), home.dtype, attributes)
}

function poolWords({ kernel, stride, padding }: PoolAttributes): Word[] {
  return [kernel, stride, padding]
}

/** Scale, shift and running statistics of a batch norm, epsilon, rectifier. */
function normWords(lowering: Lowering, { inputs, attributes }: NodeFor<'BatchNormInference'>): Word[] {
  const vectors = inputs.slice(1, 5).flatMap((id) => lowering.vector(id))
  return [...vectors, float(attributes.epsilon), rectifierNumber(attributes.activation)]
}

/** The batch norm through which a convolution reads its input, or none. */
function prologueWords(lowering: Lowering, node: ProgramNode): Word[] {
  const norm = lowering.fused.prologues.get(node)
  if (norm === undefined) return [0]
  const residual = norm.residual === null ? NONE : lowering.tensor(norm.residual)
  return [
    1,
    residual,
    ...norm.vectors.flatMap((id) => lowering.vector(id)),
    float(norm.epsilon),
    rectifierNumber(norm.activation),
  ]
}

/** What a batch norm's gradient knows of the forward pass: x, what the relu mask is computed from, scale, statistics. */
function backwardInputWords(lowering: Lowering, node: NodeFor<'BatchNormGrad'>): Word[] {
  const { inputs, attributes } = node
  const source = lowering.fused.masks.get(node)
  const y = attributes.activation === null ? null : at(inputs, 2)
  const beside = source === undefined ? y : source.residual
  const computed = beside === null ? 'input' : 'sum'
  const maskSource = source !== undefined ? computed : y === null ? 'none' : 'output'
  return [
    lowering.tensor(at(inputs, 1)),
    MASK_SOURCES[maskSource],
    rectifierNumber(attributes.activation),
    beside === null ? NONE : lowering.tensor(beside),
    ...lowering.vector(at(inputs, 3)),
    ...(source === undefined ? [] : lowering.vector(source.shift)),
    ...inputs.slice(4, 6).flatMap((id) => lowering.vector(id)),
    float(attributes.epsilon),
  ]
}

/** Region of the sums of a batch norm's input, and its channels. */
function statisticsOf({ fused }: Lowering, node: NodeFor<'BatchNorm'>): Word[] {
  const place = fused.statistics.get(node)
  if (place === undefined) throw new Error(`Expected a region of sums for ${node.label} but received none`)
  return [place.region, place.size]
}

/** Region of the sums of a batch norm's gradient. */
function gradientRegion({ fused }: Lowering, node: NodeFor<'BatchNormGrad'>): number {
  const region = fused.gradientRegions.get(node)
  if (region === undefined) throw new Error(`Expected a region of sums for ${node.label} but received none`)
  return region
}

/** The batch norm whose gradient's sums a convolution takes, or none. */
function gradientSumsWords(lowering: Lowering, node: NodeFor<'Conv2DBackpropInput'>): Word[] {
  const norm = lowering.fused.gradientSums.get(node)
  return norm === undefined ? [NONE] : [gradientRegion(lowering, norm), ...backwardInputWords(lowering, norm)]
}

/** What a convolution does beside storing its results: region of sums or none, folded batch norm or none. */
function epilogueWords(lowering: Lowering, node: NodeFor<'Conv2D'>): Word[] {
  const place = lowering.fused.statistics.get(node)
  const region = place === undefined ? [NONE] : [place.region, place.size, place.start]
  const norm = lowering.fused.norms.get(node)
  if (norm === undefined) return [...region, 0]
  const residual = norm.attributes.residual ? lowering.tensor(at(norm.inputs, 5)) : NONE
  return [...region, 1, residual, ...normWords(lowering, norm)]
}

/** Factor of a sum over this replica's rows. */
function reductionFactor(lowering: Lowering, reduction: 'mean' | 'sum', logits: ValueId): number {
  return reduction === 'sum' ? 1 : 1 / (typeOf(lowering.program, logits).shape[0] ?? 1)
}

/** Where the labels begin that a loss reads: those of the partners lie behind the images' own. */
function firstLabel({ program }: Lowering, { attributes }: NodeFor<'CrossEntropy' | 'CrossEntropyGrad'>): number {
  return attributes.labels === 'partner' ? program.batch : 0
}

/** A loss or count: each thread's share, then summed over the threads. */
function emitRowSum(
  lowering: Lowering,
  opcode: 'crossEntropy' | 'kullbackLeibler' | 'topKCorrect',
  node: ProgramNode,
  words: (result: number) => Word[],
): void {
  const result = lowering.scalar(at(node.outputs, 0))
  lowering.reducedScalars.push(result)
  lowering.emit(opcode, words(result), node)
}

/** The update is no list of instructions: update-ranges.ts gathers these nodes. */
const gathered = () => undefined

const RULES: LoweringRules = {
  Constant: (lowering, node) => {
    const result = at(node.outputs, 0)
    lowering.emitScalar('scalarConstant', [lowering.scalar(result), float(node.attributes.value)], result, node)
  },
  Normalise: (lowering, node) => {
    const { mean, std } = node.attributes
    lowering.emit('normalise', [lowering.tensor(at(node.outputs, 0)), ...mean.map(float), ...std.map(float)], node)
  },
  Cast: (lowering, node) => {
    const [input, output] = [at(node.inputs, 0), at(node.outputs, 0)]
    if (lowering.home(output).kind === 'state') return
    const target = lowering.tensor(output)
    if (lowering.home(input).kind === 'state') lowering.emit('importState', [target, lowering.state(input)], node)
    else lowering.emit('cast', [lowering.tensor(input), target], node)
  },
  Conv2D: (lowering, node) => {
    const operands = [lowering.tensor(at(node.inputs, 0)), lowering.tensor(at(node.outputs, 0))]
    const training = lowering.training ? 1 : 0
    const geometry = convolutionWords(lowering, at(node.inputs, 1), node.attributes)
    const words = [
      ...operands,
      ...geometry,
      training,
      ...prologueWords(lowering, node),
      ...epilogueWords(lowering, node),
    ]
    lowering.emit('convolutionForward', words, node)
  },
  Conv2DBackpropInput: (lowering, node) => {
    const operands = [lowering.tensor(at(node.inputs, 0)), lowering.tensor(at(node.outputs, 0))]
    const geometry = convolutionWords(lowering, at(node.inputs, 1), node.attributes)
    const accumulate = lowering.fused.accumulating.has(node) ? 1 : 0
    lowering.emit(
      'convolutionBackwardData',
      [...operands, ...geometry, accumulate, ...gradientSumsWords(lowering, node)],
      node,
    )
  },
  Conv2DBackpropFilter: (lowering, node) => {
    const { attributes, inputs } = node
    const filter = filterWords(attributes.filterShape, 0, 'f32', attributes)
    const operands = [lowering.tensor(at(inputs, 0)), lowering.tensor(at(inputs, 1))]
    const words = [...operands, lowering.gradient(at(node.outputs, 0)), ...filter, ...prologueWords(lowering, node)]
    lowering.emit('convolutionBackwardWeights', words, node)
  },
  BatchNorm: (lowering, node) => {
    const { inputs, outputs, attributes } = node
    lowering.emit(
      'batchNormForward',
      [
        lowering.tensor(at(inputs, 0)),
        lowering.fused.unstored.has(at(outputs, 0)) ? NONE : lowering.tensor(at(outputs, 0)),
        attributes.residual ? lowering.tensor(at(inputs, 3)) : NONE,
        ...lowering.vector(at(inputs, 1)),
        ...lowering.vector(at(inputs, 2)),
        lowering.tensor(at(outputs, 1)),
        lowering.tensor(at(outputs, 2)),
        float(attributes.epsilon),
        rectifierNumber(attributes.activation),
        ...statisticsOf(lowering, node),
        lowering.fused.measured.has(node) ? 1 : 0,
      ],
      node,
    )
  },
  BatchNormGrad: (lowering, node) => {
    const { inputs, outputs, attributes } = node
    lowering.emit(
      'batchNormBackward',
      [
        lowering.tensor(at(inputs, 0)),
        ...backwardInputWords(lowering, node),
        lowering.tensor(at(outputs, 0)),
        lowering.fused.adding.has(node) ? 1 : 0,
        attributes.residual ? lowering.tensor(at(outputs, 3)) : NONE,
        lowering.gradient(at(outputs, 1)),
        lowering.gradient(at(outputs, 2)),
        gradientRegion(lowering, node),
        [...lowering.fused.gradientSums.values()].includes(node) ? 1 : 0,
      ],
      node,
    )
  },
  BatchNormInference: (lowering, node) => {
    const { inputs, outputs, attributes } = node
    lowering.emit(
      'batchNormInference',
      [
        lowering.tensor(at(inputs, 0)),
        lowering.tensor(at(outputs, 0)),
        attributes.residual ? lowering.tensor(at(inputs, 5)) : NONE,
        ...normWords(lowering, node),
      ],
      node,
    )
  },
  Add: (lowering, node) => {
    const ids = [...node.inputs, at(node.outputs, 0)]
    const result = at(node.outputs, 0)
    if (lowering.home(result).kind === 'scalar') {
      lowering.emitScalar(
        'scalarAdd',
        ids.map((id) => lowering.scalar(id)),
        result,
        node,
      )
    } else {
      lowering.emit(
        'add',
        ids.map((id) => lowering.tensor(id)),
        node,
      )
    }
  },
  Activation: (lowering, node) =>
    lowering.emit(node.attributes.function, tensors(lowering, [...node.inputs, ...node.outputs]), node),
  ActivationGrad: (lowering, node) =>
    lowering.emit(`${node.attributes.function}Grad`, tensors(lowering, [...node.inputs, ...node.outputs]), node),
  Multiply: (lowering, node) => {
    const ids = [...node.inputs, at(node.outputs, 0)]
    lowering.emitScalar(
      'scalarMultiply',
      ids.map((id) => lowering.scalar(id)),
      at(node.outputs, 0),
      node,
    )
  },
  Scale: (lowering, node) => {
    const result = at(node.outputs, 0)
    const words = [lowering.scalar(at(node.inputs, 0)), float(node.attributes.factor), lowering.scalar(result)]
    lowering.emitScalar('scalarScale', words, result, node)
  },
  MaxPool: (lowering, node) => {
    const operands = tensors(lowering, [...node.inputs, ...node.outputs])
    lowering.emit('maxPool', [...operands, ...poolWords(node.attributes)], node)
  },
  MaxPoolGrad: (lowering, node) => {
    const operands = tensors(lowering, [...node.inputs, ...node.outputs])
    lowering.emit('maxPoolGrad', [...operands, ...poolWords(node.attributes)], node)
  },
  AveragePool: (lowering, node) => {
    const operands = tensors(lowering, [...node.inputs, ...node.outputs])
    lowering.emit('averagePool', [...operands, ...poolWords(node.attributes)], node)
  },
  AveragePoolGrad: (lowering, node) => {
    const operands = tensors(lowering, [...node.inputs, ...node.outputs])
    lowering.emit('averagePoolGrad', [...operands, ...poolWords(node.attributes)], node)
  },
  Concat: (lowering, node) => {
    const result = lowering.tensor(at(node.outputs, 0))
    const grows = lowering.fused.within.has(at(node.outputs, 0))
    const copied = grows ? node.inputs.slice(1) : node.inputs
    const start = grows ? planSizes(lowering.program, at(node.inputs, 0)).channels : 0
    lowering.emit('concat', [result, start, copied.length, ...tensors(lowering, copied)], node)
  },
  SliceChannels: (lowering, node) => {
    const operands = tensors(lowering, [...node.inputs, ...node.outputs])
    lowering.emit('sliceChannels', [...operands, node.attributes.start], node)
  },
  GlobalAveragePool: (lowering, node) =>
    lowering.emit('poolForward', [lowering.tensor(at(node.inputs, 0)), lowering.tensor(at(node.outputs, 0))], node),
  GlobalAveragePoolGrad: (lowering, node) =>
    lowering.emit('poolBackward', [lowering.tensor(at(node.inputs, 0)), lowering.tensor(at(node.outputs, 0))], node),
  Linear: (lowering, node) => {
    const [x, w, bias] = [at(node.inputs, 0), at(node.inputs, 1), at(node.inputs, 2)]
    const result = lowering.tensor(at(node.outputs, 0))
    lowering.emit('linearForward', [lowering.tensor(x), lowering.state(w), lowering.state(bias), result], node)
  },
  LinearBackpropInput: (lowering, node) => {
    const [dy, w] = [at(node.inputs, 0), at(node.inputs, 1)]
    lowering.emit(
      'linearBackwardInput',
      [lowering.tensor(dy), lowering.state(w), lowering.tensor(at(node.outputs, 0))],
      node,
    )
  },
  LinearBackpropWeights: (lowering, node) => {
    const operands = node.inputs.map((id) => lowering.tensor(id))
    lowering.emit('linearBackwardWeights', [...operands, ...node.outputs.map((id) => lowering.gradient(id))], node)
  },
  Softmax: (lowering, node) => lowering.emit('softmax', tensors(lowering, [...node.inputs, ...node.outputs]), node),
  SoftmaxGrad: (lowering, node) =>
    lowering.emit('softmaxGrad', tensors(lowering, [...node.inputs, ...node.outputs]), node),
  GatedSum: (lowering, node) => lowering.emit('gatedSum', tensors(lowering, [...node.inputs, ...node.outputs]), node),
  GatedSumGrad: (lowering, node) =>
    lowering.emit('gatedSumGrad', tensors(lowering, [...node.inputs, ...node.outputs]), node),
  Average: (lowering, node) => lowering.emit('average', membersAndResult(lowering, node), node),
  AverageGrad: (lowering, node) => {
    const operands = tensors(lowering, [...node.inputs, ...node.outputs])
    lowering.emit('averageGrad', [...operands, float(node.attributes.count)], node)
  },
  LogMeanProbability: (lowering, node) => lowering.emit('logMeanProbability', membersAndResult(lowering, node), node),
  CrossEntropy: (lowering, node) => {
    const logits = at(node.inputs, 0)
    const factor = float(reductionFactor(lowering, node.attributes.reduction, logits))
    const first = firstLabel(lowering, node)
    emitRowSum(lowering, 'crossEntropy', node, (result) => [lowering.tensor(logits), result, factor, first])
  },
  CrossEntropyGrad: (lowering, node) => {
    const [dloss, logits] = [at(node.inputs, 0), at(node.inputs, 1)]
    const factor = float(reductionFactor(lowering, node.attributes.reduction, logits))
    const operands = [lowering.uniformScalar(dloss), ...tensors(lowering, [logits, at(node.outputs, 0)])]
    lowering.emit('crossEntropyGrad', [...operands, factor, firstLabel(lowering, node)], node)
  },
  KullbackLeibler: (lowering, node) => {
    const factors = divergenceFactors(lowering, node)
    emitRowSum(lowering, 'kullbackLeibler', node, (result) => [...tensors(lowering, node.inputs), result, ...factors])
  },
  KullbackLeiblerGrad: (lowering, node) => {
    const operands = tensors(lowering, [...node.inputs.slice(1), at(node.outputs, 0)])
    const words = [lowering.uniformScalar(at(node.inputs, 0)), ...operands, ...divergenceFactors(lowering, node)]
    lowering.emit('kullbackLeiblerGrad', words, node)
  },
  TopKCorrect: (lowering, node) => {
    const logits = lowering.tensor(at(node.inputs, 0))
    emitRowSum(lowering, 'topKCorrect', node, (result) => [logits, result, node.attributes.k])
  },
  AllReduceMean: gathered,
  SgdNesterov: gathered,
  OptimizerUpdate: gathered,
  RunningAverage: gathered,
}

function tensors(lowering: Lowering, ids: readonly ValueId[]): number[] {
  return ids.map((id) => lowering.tensor(id))
}

/** Operands behind their count, then the result. */
function membersAndResult(lowering: Lowering, { inputs, outputs }: ProgramNode): number[] {
  return [inputs.length, ...tensors(lowering, inputs), ...tensors(lowering, outputs)]
}

/** Temperature, and the factor that makes a sum over rows the batch's mean. */
function divergenceFactors(
  lowering: Lowering,
  node: NodeFor<'KullbackLeibler'> | NodeFor<'KullbackLeiblerGrad'>,
): Word[] {
  const rows = typeOf(lowering.program, at(node.inputs, node.inputs.length - 1)).shape[0] ?? 1
  return [float(node.attributes.temperature), float(1 / rows)]
}

/** Appends the instructions of one node. */
export function lowerNode(lowering: Lowering, node: ProgramNode): void {
  lowerWith(lowering, node)
}

function lowerWith<N extends OpName>(lowering: Lowering, node: NodeFor<N>): void {
  const rule: LoweringRule<N> = RULES[node.op]
  rule(lowering, node)
}
