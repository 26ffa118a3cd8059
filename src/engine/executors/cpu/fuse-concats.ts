import {
  type NodeFor,
  operands,
  type Program,
  type ProgramNode,
  results,
  typeOf,
  type ValueId,
} from '../../graph/program.ts'
import { findUses, isReadOnce, type Uses } from './uses.ts'

/** Tensors of fewer channels that lie in one of more, so that concatenations copy only what is new. */
export interface SharedChannels {
  /** Channels of the whole tensor of which a value is the first part. */
  readonly parts: ReadonlyMap<ValueId, number>
  /** The value in whose memory another one is made: behind its channels, or over them. */
  readonly within: ReadonlyMap<ValueId, ValueId>
}

/** Whether a node reads x element by element through our own kernels, which know a part of a tensor. */
export type PartRule = (node: ProgramNode, x: ValueId) => boolean

/**
 * Concat(Concat(Concat(x, a), b), c), the features of a dense block, as one tensor that grows: each concatenation copies
 * its second input behind the channels that are there.
 */
export function growConcats(program: Program, readsPart: PartRule): SharedChannels {
  const uses = findUses(program)
  const parts = new Map<ValueId, number>()
  const within = new Map<ValueId, ValueId>()
  // From the last one on, so that the whole is known before its parts.
  for (const node of [...program.nodes].reverse()) {
    if (node.op !== 'Concat') continue
    const [first = -1] = operands(node).list('parts')
    const result = results(node).output('whole')
    if (uses.producer.get(first)?.op !== 'Concat' || uses.kept.has(first)) continue
    const others = (uses.readers.get(first) ?? []).filter((reader) => reader !== node)
    if (node.inputs.lastIndexOf(first) !== 0 || !others.every((reader) => readsPart(reader, first))) continue
    parts.set(first, parts.get(result) ?? channelsOf(program, result))
    within.set(result, first)
  }
  return { parts, within }
}

export interface SummedConcats extends SharedChannels {
  readonly program: Program
  /** Batch norms' gradients that add dx to the first channels of their last input. */
  readonly adding: ReadonlyMap<ProgramNode, ProgramNode>
}

/**
 * The way back through such a block: Add(slice of the first channels of g, dx of a batch norm) is made within g, which
 * nobody else reads any more; only the slices of what was new are copied.
 *
 * @param grown parts of the forward pass, whose batch norms' gradients may add
 */
export function sumConcats(program: Program, grown: SharedChannels): SummedConcats {
  const uses = findUses(program)
  const order = new Map(program.nodes.map((node, index) => [node, index]))
  const parts = new Map(grown.parts)
  const within = new Map(grown.within)
  const adding = new Map<ProgramNode, ProgramNode>()
  const gone = new Set<ProgramNode>()
  for (const node of program.nodes) {
    if (node.op !== 'Add') continue
    const found = findSliceSum(uses, order, node)
    if (found === undefined || !grown.parts.has(operands(found.norm).input('x'))) continue
    const { slice, norm, whole } = found
    const sum = results(node).output('sum')
    const accumulating: NodeFor<'BatchNormGrad'> = {
      ...norm,
      inputs: [...norm.inputs, whole],
      outputs: [sum, ...norm.outputs.slice(1)],
    }
    adding.set(norm, accumulating)
    parts.set(sum, parts.get(whole) ?? channelsOf(program, whole))
    within.set(sum, whole)
    gone.add(node).add(slice)
  }
  const nodes = program.nodes.flatMap((node) => (gone.has(node) ? [] : [adding.get(node) ?? node]))
  return { program: { ...program, nodes }, parts, within, adding }
}

interface SliceSum {
  readonly slice: NodeFor<'SliceChannels'>
  readonly norm: NodeFor<'BatchNormGrad'>
  readonly whole: ValueId
}

function findSliceSum(uses: Uses, order: ReadonlyMap<ProgramNode, number>, node: NodeFor<'Add'>): SliceSum | undefined {
  const { input } = operands(node)
  const [sliced, dx] = [input('left'), input('right')]
  const [slice, norm] = [uses.producer.get(sliced), uses.producer.get(dx)]
  if (slice?.op !== 'SliceChannels' || slice.attributes.start !== 0) return undefined
  if (norm?.op !== 'BatchNormGrad' || norm.attributes.residual || results(norm).output('dx') !== dx) return undefined
  if (!isReadOnce(uses, sliced) || !isReadOnce(uses, dx)) return undefined
  const whole = operands(slice).input('whole')
  const isSlice = ({ op }: ProgramNode) => op === 'SliceChannels'
  const isBefore = (reader: ProgramNode) => (order.get(reader) ?? 0) < (order.get(norm) ?? 0)
  const readers = uses.readers.get(whole) ?? []
  const sum = results(node).output('sum')
  const fits =
    !uses.kept.has(whole) &&
    readers.every((reader) => isSlice(reader) && isBefore(reader)) &&
    !uses.kept.has(sum) &&
    (uses.readers.get(sum) ?? []).every(isSlice)
  return fits ? { slice, norm, whole } : undefined
}

function channelsOf(program: Program, value: ValueId): number {
  return typeOf(program, value).shape[1] ?? 0
}
