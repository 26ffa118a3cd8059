import {
  type NodeFor,
  operands,
  type Program,
  type ProgramNode,
  results,
  typeOf,
  type ValueId,
} from '../../graph/program.ts'
import { foldRectifiers, type MaskSource, type NormedInput, type OwnKernelRule } from './fold-rectifiers.ts'
import { foldStatistics, type StatisticsPlace } from './fold-statistics.ts'
import { growConcats, type SharedChannels, sumConcats } from './fuse-concats.ts'
import { findUses, isReadOnce, type Uses } from './uses.ts'

/** What the instructions of a plan do beside their own node's work. */
export interface FusedProgram extends SharedChannels {
  /** Nodes that others took up are gone; fused convolutions read what they add behind their own inputs. */
  readonly program: Program
  /** Sums that a convolution leaves for the batch norm behind it, by either node. */
  readonly statistics: ReadonlyMap<ProgramNode, StatisticsPlace>
  /** Batch norms whose region a convolution fills; the others sum their input themselves. */
  readonly measured: ReadonlySet<ProgramNode>
  /** Batch norm with running averages that a convolution applies to its results. */
  readonly norms: ReadonlyMap<ProgramNode, NodeFor<'BatchNormInference'>>
  /** Input gradients that are added to their third input in place. */
  readonly accumulating: ReadonlySet<ProgramNode>
  /** Batch norm with rectifier through which a convolution, or a filter's gradient, reads its input. */
  readonly prologues: ReadonlyMap<ProgramNode, NormedInput>
  /** Results that nobody reads from memory: those batch norms'. */
  readonly unstored: ReadonlySet<ValueId>
  /** Region of sums that each batch norm's gradient reads, filled by itself or by the convolution that makes its dy. */
  readonly gradientRegions: ReadonlyMap<ProgramNode, number>
  /** Batch norm's gradient whose sums an input gradient takes while it makes its dy. */
  readonly gradientSums: ReadonlyMap<ProgramNode, NodeFor<'BatchNormGrad'>>
  /** Gradients of batch norms that find their rectifier's mask without reading y. */
  readonly masks: ReadonlyMap<ProgramNode, MaskSource>
  /** Batch norms' gradients that add dx to the first channels of their last input. */
  readonly adding: ReadonlySet<ProgramNode>
}

const notOurs: OwnKernelRule = () => false

/**
 * Finds passes over activations that a convolution can do while it has the elements in registers: batch norm's sums and
 * the rectified norm of its input (training), the norm of its result (evaluation), and the sum of gradients at a join.
 */
export function fuseNodes(program: Program, ours: OwnKernelRule = notOurs, grows = true): FusedProgram {
  const folded = foldNorms(program)
  const summed = foldSums(folded.program)
  const { program: through, prologues, unstored, masks: foundMasks } = foldRectifiers(summed.program, ours)
  const grown = growConcats(through, (node, x) => {
    if (!grows) return false
    if (node.inputs.indexOf(x) !== node.inputs.lastIndexOf(x)) return false
    switch (node.op) {
      case 'BatchNormGrad':
        return operands(node).input('x') === x && foundMasks.has(node)
      case 'BatchNorm':
        return operands(node).input('x') === x && unstored.has(results(node).output('y'))
      case 'Conv2D':
      case 'Conv2DBackpropFilter':
        return operands(node).input('x') === x && prologues.has(node)
      default:
        return false
    }
  })
  const { program: fused, parts, within, adding: added } = sumConcats(through, grown)
  const masks = new Map([...foundMasks].map(([node, source]) => [added.get(node) ?? node, source]))
  const uses = findUses(fused)
  const { statistics, measured, regions } = foldStatistics(fused)
  const gradientRegions = new Map<ProgramNode, number>()
  const gradientSums = new Map<ProgramNode, NodeFor<'BatchNormGrad'>>()
  for (const node of fused.nodes) {
    if (node.op !== 'BatchNormGrad') continue
    gradientRegions.set(node, regions + gradientRegions.size)
    const producer = uses.producer.get(operands(node).input('dy'))
    if (producer?.op !== 'Conv2DBackpropInput' || gradientSums.has(producer)) continue
    const filter = typeOf(fused, operands(producer).input('filters')).shape
    // With a stride not all of dx is a result.
    if (producer.attributes.stride === 1 && ours(producer.attributes, filter)) gradientSums.set(producer, node)
  }
  const { norms } = folded
  const { accumulating } = summed
  const training = { gradientRegions, gradientSums, masks, parts, within, adding: new Set(added.values()) }
  return { program: fused, statistics, measured, norms, accumulating, prologues, unstored, ...training }
}

/** Convolution, then batch norm with running averages: one node at the norm's place, where the residual is known. */
function foldNorms(program: Program): Pick<FusedProgram, 'program' | 'norms'> {
  const uses = findUses(program)
  const norms = new Map<ProgramNode, NodeFor<'BatchNormInference'>>()
  const taken = new Set<ProgramNode>()
  const nodes = program.nodes.map((node): ProgramNode => {
    if (node.op !== 'BatchNormInference') return node
    const x = operands(node).input('x')
    const convolution = uses.producer.get(x)
    if (convolution?.op !== 'Conv2D' || !isReadOnce(uses, x)) return node
    taken.add(convolution)
    const inputs = [...convolution.inputs, ...node.inputs.slice(1)]
    const fused: NodeFor<'Conv2D'> = { ...convolution, inputs, outputs: node.outputs }
    norms.set(fused, node)
    return fused
  })
  return { program: { ...program, nodes: nodes.filter((node) => !taken.has(node)) }, norms }
}

/** Add(sum, input gradient) where nothing else reads either: the convolution adds to the sum in place. */
function foldSums(program: Program): Pick<FusedProgram, 'program' | 'accumulating'> {
  const uses = findUses(program)
  const order = new Map(program.nodes.map((node, index) => [node, index]))
  const accumulating = new Set<ProgramNode>()
  const replaced = new Map<ProgramNode, ProgramNode>()
  const gone = new Set<ProgramNode>()
  for (const node of program.nodes) {
    if (node.op !== 'Add') continue
    const { input } = operands(node)
    const [sum, gradient] = [input('left'), input('right')]
    const convolution = uses.producer.get(gradient)
    if (convolution?.op !== 'Conv2DBackpropInput' || !isReadOnce(uses, gradient)) continue
    if (!endsBefore(order, uses, sum, convolution, node)) continue
    const fused: NodeFor<'Conv2DBackpropInput'> = {
      ...convolution,
      inputs: [...convolution.inputs, sum],
      outputs: node.outputs,
    }
    replaced.set(convolution, fused)
    gone.add(node)
    accumulating.add(fused)
  }
  const nodes = program.nodes.flatMap((node) => (gone.has(node) ? [] : [replaced.get(node) ?? node]))
  return { program: { ...program, nodes }, accumulating }
}

/** Whether the sum is made before the convolution and read for the last time by the addition behind it. */
function endsBefore(
  order: ReadonlyMap<ProgramNode, number>,
  { producer, readers, kept }: Uses,
  sum: ValueId,
  convolution: ProgramNode,
  addition: ProgramNode,
): boolean {
  const maker = producer.get(sum)
  if (maker === undefined || kept.has(sum)) return false
  const isEarlier = (node: ProgramNode) => (order.get(node) ?? 0) < (order.get(convolution) ?? 0)
  const others = (readers.get(sum) ?? []).filter((reader) => reader !== addition)
  return isEarlier(maker) && others.every(isEarlier)
}
