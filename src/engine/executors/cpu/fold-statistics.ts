import { type NodeFor, operands, type Program, type ProgramNode, typeOf, type ValueId } from '../../graph/program.ts'
import { findUses } from './uses.ts'

/** Where in the plan a batch norm reads the sums over its channels, or a convolution leaves those of its results. */
export interface StatisticsPlace {
  /** Number of the region. */
  readonly region: number
  /** Channels of the region, with room for whole blocks behind the last. */
  readonly size: number
  /** First channel in the region. */
  readonly start: number
}

export interface FoldedStatistics {
  readonly statistics: ReadonlyMap<ProgramNode, StatisticsPlace>
  /** Batch norms whose region others have filled; the rest sum their input themselves. */
  readonly measured: ReadonlySet<ProgramNode>
  readonly regions: number
}

/** Most channels of a block. */
const BLOCK = 16

/**
 * Sums of batch norms' inputs that are known without another pass: those of a convolution's result, taken while it is made, and
 * those of Concat(x, a convolution's result) where a batch norm of x has summed the first channels, as every layer of a dense
 * block does for the next.
 */
export function foldStatistics(program: Program): FoldedStatistics {
  const uses = findUses(program)
  const order = new Map(program.nodes.map((node, index) => [node, index]))
  const places = new Map<ProgramNode, { readonly region: number; readonly start: number }>()
  const measured = new Set<ProgramNode>()
  /** Channels of each region that are filled, and the batch norm that reads as many. */
  const filled: { channels: number; norm: NodeFor<'BatchNorm'> }[] = []
  const channelsOf = (id: ValueId) => typeOf(program, id).shape[1] ?? 0
  const regionBehind = (x: ValueId, convolution: ProgramNode) =>
    filled.findIndex(({ channels, norm }) => {
      const isBefore = (order.get(norm) ?? 0) < (order.get(convolution) ?? 0)
      return operands(norm).input('x') === x && channels === channelsOf(x) && isBefore
    })
  for (const norm of program.nodes) {
    if (norm.op !== 'BatchNorm') continue
    const x = operands(norm).input('x')
    const maker = uses.producer.get(x)
    const parts = maker?.op === 'Concat' ? operands(maker).list('parts') : []
    const [before = -1, added = -1] = parts.length === 2 ? parts : []
    const convolution = maker?.op === 'Concat' ? uses.producer.get(added) : maker
    const free = convolution?.op === 'Conv2D' && !places.has(convolution) ? convolution : undefined
    const known = maker?.op === 'Concat' && free !== undefined ? regionBehind(before, free) : -1
    const region = known >= 0 ? known : filled.length
    if (free !== undefined && (known >= 0 || free === maker)) {
      places.set(free, { region, start: known >= 0 ? channelsOf(before) : 0 })
      measured.add(norm)
    }
    places.set(norm, { region, start: 0 })
    filled[region] = { channels: channelsOf(x), norm }
  }
  const statistics = new Map(
    [...places].map(([node, place]) => [node, { ...place, size: (filled[place.region]?.channels ?? 0) + BLOCK }]),
  )
  return { statistics, measured, regions: filled.length }
}
