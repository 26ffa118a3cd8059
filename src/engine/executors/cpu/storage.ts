import { bytesPerElement } from '../../../vocabulary/dtype.ts'
import { elementCount } from '../../../vocabulary/shape.ts'
import type { Program, ProgramNode, ValueId } from '../../graph/program.ts'
import { results, typeOf } from '../../graph/program.ts'
import type { FusedProgram } from './fuse.ts'

/** Where a value lives on this executor. */
export type Home =
  /** Rows of the batch in each thread's arena. */
  | { readonly kind: 'rows' }
  /** f32 [C], the same in each thread's arena. */
  | { readonly kind: 'vector' }
  /** f32 scalar of each thread: the same in all (`uniform`) or each thread's share of a sum. */
  | { readonly kind: 'scalar'; readonly uniform: boolean }
  /** Gradient of a parameter, in each thread's share of the exchange. */
  | { readonly kind: 'gradient' }
  /** Averaged over the replicas on its way into the update. */
  | { readonly kind: 'meanGradient' | 'meanStatistic'; readonly source: ValueId }
  /** Scaled down to the largest norm on its way into the update. */
  | { readonly kind: 'clippedGradient'; readonly source: ValueId }
  /** Flat f32 state; `cast` = read in another precision where it is used. */
  | { readonly kind: 'state'; readonly name: string; readonly dtype: 'f32' | 'bf16' }
  /** State after the update. */
  | { readonly kind: 'updated'; readonly name: string }
  | { readonly kind: 'images' | 'labels' }

/** Ops whose results are summed over the batch's rows: each thread has its share. */
const ROW_SUMS = new Set(['CrossEntropy', 'KullbackLeibler', 'DecoupledKullbackLeibler', 'TopKCorrect'])

/** Where each value of the program lives. @throws Error where the executor has no place for one */
export function findHomes(program: Program): Map<ValueId, Home> {
  const homes = new Map<ValueId, Home>()
  if (program.images !== null) homes.set(program.images, { kind: 'images' })
  if (program.labels !== null) homes.set(program.labels, { kind: 'labels' })
  for (const { value } of program.scalars) homes.set(value, { kind: 'scalar', uniform: true })
  for (const { name, value } of program.states) homes.set(value, { kind: 'state', name, dtype: 'f32' })
  for (const node of program.nodes) {
    node.outputs.forEach((id, place) => {
      homes.set(id, homeOfOutput(program, node, place, homes))
    })
  }
  return homes
}

function homeOfOutput(program: Program, node: ProgramNode, place: number, homes: Map<ValueId, Home>): Home {
  const [source] = node.inputs
  const output = node.outputs[place] ?? -1
  const sourceHome = source === undefined ? undefined : homes.get(source)
  switch (node.op) {
    case 'AllReduceMean':
      if (source === undefined) break
      if (sourceHome?.kind === 'gradient') return { kind: 'meanGradient', source }
      if (sourceHome?.kind === 'vector') return { kind: 'meanStatistic', source }
      break
    case 'ClipByGlobalNorm': {
      const mean = homes.get(node.inputs[place] ?? -1)
      if (mean?.kind === 'meanGradient') return { kind: 'clippedGradient', source: mean.source }
      break
    }
    case 'SgdNesterov':
    case 'OptimizerUpdate': {
      const state = homes.get(node.inputs[place] ?? -1)
      if (state?.kind === 'state') return { kind: 'updated', name: state.name }
      break
    }
    case 'RunningAverage':
      if (sourceHome?.kind === 'state') return { kind: 'updated', name: sourceHome.name }
      break
    case 'Cast':
      if (sourceHome?.kind === 'state') return { ...sourceHome, dtype: node.attributes.dtype }
      return { kind: 'rows' }
    case 'Conv2DBackpropFilter':
    case 'LinearBackpropWeights':
    case 'SharedLinearBackpropWeights':
      return { kind: 'gradient' }
    case 'BatchNorm':
      return output === results(node).output('y') ? { kind: 'rows' } : { kind: 'vector' }
    case 'BatchNormGrad':
      return [results(node).output('dscale'), results(node).output('dshift')].includes(output)
        ? { kind: 'gradient' }
        : { kind: 'rows' }
    default: {
      const { shape } = typeOf(program, output)
      if (shape.length === 0) {
        const inputs = node.inputs.map((id) => homes.get(id))
        const uniform = inputs.every((home) => home?.kind !== 'scalar' || home.uniform) && !ROW_SUMS.has(node.op)
        return { kind: 'scalar', uniform }
      }
      return { kind: 'rows' }
    }
  }
  throw new Error(
    `Expected operands that the executor cpu can use for ${node.op} of layer ${node.label} but received ` +
      `${node.inputs.map((id) => homes.get(id)?.kind ?? 'nothing').join(', ')}`,
  )
}

/** Sizes of a tensor as the plan counts them: [rows, C], [rows, C, H, W] or [C]. */
export function planSizes(program: Program, value: ValueId): { channels: number; height: number; width: number } {
  const { shape } = typeOf(program, value)
  if (shape.length === 1) return { channels: shape[0] ?? 0, height: 1, width: 1 }
  return { channels: shape[1] ?? 0, height: shape[2] ?? 1, width: shape[3] ?? 1 }
}

/** Images with so few channels stay plain: blocks of 16 would be mostly padding. */
export const FEWEST_BLOCKED_CHANNELS = 5

/** 4-D activations lie in the machine's own layout, all else plain. */
export function planLayout(program: Program, value: ValueId): 'plain' | 'vectorised' {
  const { shape } = typeOf(program, value)
  return shape.length === 4 && (shape[1] ?? 0) >= FEWEST_BLOCKED_CHANNELS ? 'vectorised' : 'plain'
}

/** Bytes of a value for `samples` rows in a thread's arena, padding channels of the layout and a whole's others included. */
export function arenaBytes(
  { program, parts }: Pick<FusedProgram, 'program' | 'parts'>,
  value: ValueId,
  home: Home,
  samples: number,
  block: number,
): number {
  if (home.kind !== 'rows' && home.kind !== 'vector') return 0
  const type = typeOf(program, value)
  const { channels: own, height, width } = planSizes(program, value)
  const channels = parts.get(value) ?? own
  const padded =
    planLayout(program, value) === 'vectorised' && block > 0 ? Math.ceil(channels / block) * block : channels
  const rows = home.kind === 'vector' ? 1 : samples
  return rows * elementCount([padded, height, width]) * bytesPerElement(type.dtype)
}
