import type { Shape } from '../../../vocabulary/shape.ts'
import type { ConvAttributes, ConvolutionOps } from '../../graph/ops/convolution.ts'
import { type NodeFor, type ProgramNode, typeOf, type ValueId } from '../../graph/program.ts'
import { backwardInputWords, gradientRegion, inferenceWords, normedInputWords } from './lower-batch-norm.ts'
import type { Lowering } from './lowering.ts'
import { type LoweringsOf, NONE } from './op-lowering.ts'
import type { Word } from './plan-words.ts'

export const CONVOLUTION_LOWERINGS: LoweringsOf<keyof ConvolutionOps> = {
  Conv2D: {
    rows: ['x'],
    lower: ({ lowering, node, attributes, input, output }) => {
      const words = [
        ...lowering.tensorList([input('x'), output('y')]),
        ...stateFilterWords(lowering, input('filters'), attributes),
        lowering.training ? 1 : 0,
        ...prologueWords(lowering, node),
        ...epilogueWords(lowering, node),
      ]
      lowering.emit('convolutionForward', words, node)
    },
  },
  Conv2DBackpropInput: {
    rows: ['dy'],
    lower: ({ lowering, node, attributes, input, output }) => {
      const words = [
        ...lowering.tensorList([input('dy'), output('dx')]),
        ...stateFilterWords(lowering, input('filters'), attributes),
        lowering.fused.accumulating.has(node) ? 1 : 0,
        ...gradientSumsWords(lowering, node),
      ]
      lowering.emit('convolutionBackwardData', words, node)
    },
  },
  Conv2DBackpropFilter: {
    rows: ['x', 'dy'],
    lower: ({ lowering, node, attributes, input, output }) => {
      const words = [
        ...lowering.tensorList([input('x'), input('dy')]),
        lowering.gradient(output('dfilters')),
        ...filterWords(attributes.filterShape, 0, 'f32', attributes),
        ...prologueWords(lowering, node),
      ]
      lowering.emit('convolutionBackwardWeights', words, node)
    },
  },
}

/** Words of filters [O, I / groups, k, k]: place in the state, sizes, precision, geometry. */
function filterWords(
  [out = 0, perGroup = 0, kernelHeight = 0, kernelWidth = 0]: Shape,
  stateOffset: number,
  dtype: 'f32' | 'bf16',
  { groups, stride, padding }: ConvAttributes,
): Word[] {
  return [stateOffset, groups, out, perGroup, kernelHeight, kernelWidth, dtype === 'f32' ? 0 : 1, stride, padding]
}

/** Words of filters that are a state tensor or its cast. */
function stateFilterWords(lowering: Lowering, filters: ValueId, attributes: ConvAttributes): Word[] {
  const { shape } = typeOf(lowering.program, filters)
  const home = lowering.home(filters)
  if (home.kind !== 'state') throw new Error(`Expected a filter from the state but received ${home.kind}`)
  return filterWords(shape, lowering.state(filters), home.dtype, attributes)
}

/** The batch norm through which a convolution reads its input, or none. */
function prologueWords(lowering: Lowering, node: ProgramNode): Word[] {
  const norm = lowering.fused.prologues.get(node)
  return norm === undefined ? [0] : [1, ...normedInputWords(lowering, norm)]
}

/** What a convolution does beside storing its results: region of sums or none, folded batch norm or none. */
function epilogueWords(lowering: Lowering, node: NodeFor<'Conv2D'>): Word[] {
  const place = lowering.fused.statistics.get(node)
  const region = place === undefined ? [NONE] : [place.region, place.size, place.start]
  const norm = lowering.fused.norms.get(node)
  return norm === undefined ? [...region, 0] : [...region, 1, ...inferenceWords(lowering, norm)]
}

/** The batch norm whose gradient's sums a convolution takes, or none. */
function gradientSumsWords(lowering: Lowering, node: NodeFor<'Conv2DBackpropInput'>): Word[] {
  const norm = lowering.fused.gradientSums.get(node)
  return norm === undefined ? [NONE] : [gradientRegion(lowering, norm), ...backwardInputWords(lowering, norm)]
}
