import type { Rectifier } from '../../graph/ops/activation.ts'
import type { BatchNormOps } from '../../graph/ops/batch-norm.ts'
import { type NodeFor, operands, type ValueId } from '../../graph/program.ts'
import type { NormedInput } from './fold-rectifiers.ts'
import type { Lowering } from './lowering.ts'
import { type LoweringsOf, NONE } from './op-lowering.ts'
import type { PlanName } from './plan-names.ts'
import { float, type Word } from './plan-words.ts'

export const BATCH_NORM_LOWERINGS: LoweringsOf<keyof BatchNormOps> = {
  BatchNorm: {
    rows: ['x', 'residual'],
    overwrites: { y: ['residual'] },
    lower: ({ lowering, node, attributes, input, has, output }) => {
      const words = [
        lowering.tensor(input('x')),
        lowering.fused.unstored.has(output('y')) ? NONE : lowering.tensor(output('y')),
        has('residual') ? lowering.tensor(input('residual')) : NONE,
        ...lowering.vector(input('scale')),
        ...lowering.vector(input('shift')),
        ...lowering.tensorList([output('mean'), output('variance')]),
        float(attributes.epsilon),
        rectifierName(attributes.activation),
        ...statisticsOf(lowering, node),
        lowering.fused.measured.has(node) ? 1 : 0,
      ]
      lowering.emit('batchNormForward', words, node)
    },
  },
  BatchNormGrad: {
    rows: ['dy', 'x', 'y'],
    overwrites: { dx: ['x', 'dy'], dresidual: ['dy', 'x'] },
    lower: ({ lowering, node, attributes, input, output }) => {
      const words = [
        lowering.tensor(input('dy')),
        ...backwardInputWords(lowering, node),
        lowering.tensor(output('dx')),
        lowering.fused.adding.has(node) ? 1 : 0,
        attributes.residual ? lowering.tensor(output('dresidual')) : NONE,
        lowering.gradient(output('dscale')),
        lowering.gradient(output('dshift')),
        gradientRegion(lowering, node),
        [...lowering.fused.gradientSums.values()].includes(node) ? 1 : 0,
      ]
      lowering.emit('batchNormBackward', words, node)
    },
  },
  BatchNormInference: {
    rows: ['x', 'residual'],
    overwrites: { y: ['x', 'residual'] },
    lower: ({ lowering, node, input, output }) => {
      const tensors = lowering.tensorList([input('x'), output('y')])
      lowering.emit('batchNormInference', [...tensors, ...inferenceWords(lowering, node)], node)
    },
  },
}

/** Residual, scale, shift and running statistics of a batch norm, epsilon, activation. */
export function inferenceWords(lowering: Lowering, node: NodeFor<'BatchNormInference'>): Word[] {
  const { input, has } = operands(node)
  return [
    has('residual') ? lowering.tensor(input('residual')) : NONE,
    ...vectorWords(lowering, [input('scale'), input('shift'), input('mean'), input('variance')]),
    float(node.attributes.epsilon),
    rectifierName(node.attributes.activation),
  ]
}

/** The same of one through which a convolution reads its input. */
export function normedInputWords(lowering: Lowering, norm: NormedInput): Word[] {
  const residual = norm.residual === null ? NONE : lowering.tensor(norm.residual)
  return [residual, ...vectorWords(lowering, norm.vectors), float(norm.epsilon), rectifierName(norm.activation)]
}

/** What a batch norm's gradient knows of the forward pass: x, what the relu mask is computed from, scale, statistics. */
export function backwardInputWords(lowering: Lowering, node: NodeFor<'BatchNormGrad'>): Word[] {
  const { input } = operands(node)
  const { activation, epsilon } = node.attributes
  const source = lowering.fused.masks.get(node)
  const y = activation === null ? null : input('y')
  const beside = source === undefined ? y : source.residual
  const computed = beside === null ? 'input' : 'sum'
  const maskSource = source !== undefined ? computed : y === null ? 'none' : 'output'
  return [
    lowering.tensor(input('x')),
    { table: 'maskSources', name: maskSource },
    rectifierName(activation),
    beside === null ? NONE : lowering.tensor(beside),
    ...lowering.vector(input('scale')),
    ...(source === undefined ? [] : lowering.vector(source.shift)),
    ...vectorWords(lowering, [input('mean'), input('variance')]),
    float(epsilon),
  ]
}

/** Region of the sums of a batch norm's gradient. */
export function gradientRegion({ fused }: Lowering, node: NodeFor<'BatchNormGrad'>): number {
  const region = fused.gradientRegions.get(node)
  if (region === undefined) throw new Error(`Expected a region of sums for ${node.label} but received none`)
  return region
}

/** Region of the sums of a batch norm's input, and its channels. */
function statisticsOf({ fused }: Lowering, node: NodeFor<'BatchNorm'>): Word[] {
  const place = fused.statistics.get(node)
  if (place === undefined) throw new Error(`Expected a region of sums for ${node.label} but received none`)
  return [place.region, place.size]
}

function vectorWords(lowering: Lowering, vectors: readonly ValueId[]): Word[] {
  return vectors.flatMap((id) => lowering.vector(id))
}

/** Activation that a batch norm applies itself. */
function rectifierName(activation: Rectifier | null): PlanName {
  return { table: 'rectifiers', name: activation ?? 'none' }
}
