import type { NodeFor, Program, ProgramNode, ValueId } from '../../graph/program.ts'

/** What the instructions of a plan do beside their own node's work. */
export interface FusedProgram {
  /** Nodes that others took up are gone; fused convolutions read what they add behind their own inputs. */
  readonly program: Program
  /** Region of sums that a convolution fills for the batch norm behind it, by either node. */
  readonly statistics: ReadonlyMap<ProgramNode, number>
  /** Batch norm with running averages that a convolution applies to its results. */
  readonly norms: ReadonlyMap<ProgramNode, NodeFor<'BatchNormInference'>>
  /** Input gradients that are added to their third input in place. */
  readonly accumulating: ReadonlySet<ProgramNode>
  /** Shift of the batch norm whose rectifier's mask a gradient finds from x, without reading y. */
  readonly masks: ReadonlyMap<ProgramNode, ValueId>
}

interface Uses {
  readonly producer: ReadonlyMap<ValueId, ProgramNode>
  /** Nodes that read a value, in order. */
  readonly readers: ReadonlyMap<ValueId, readonly ProgramNode[]>
  /** Values that must be there at the end. */
  readonly kept: ReadonlySet<ValueId>
}

/**
 * Finds passes over activations that a convolution can do while its results are in registers: batch norm's sums (training)
 * and its scaling (evaluation), and the sum of gradients at a join.
 */
export function fuseNodes(program: Program): FusedProgram {
  const folded = foldNorms(program)
  const summed = foldSums(folded.program)
  const uses = findUses(summed.program)
  const statistics = new Map<ProgramNode, number>()
  const masks = new Map<ProgramNode, ValueId>()
  let regions = 0
  for (const node of summed.program.nodes) {
    if (node.op === 'BatchNorm') {
      const producer = uses.producer.get(node.inputs[0] ?? -1)
      statistics.set(node, regions)
      if (producer?.op === 'Conv2D' && !statistics.has(producer)) statistics.set(producer, regions)
      regions++
    }
    if (node.op === 'BatchNormGrad' && node.attributes.relu && !node.attributes.residual) {
      const forward = uses.producer.get(node.inputs[2] ?? -1)
      const shift = forward?.op === 'BatchNorm' ? forward.inputs[2] : undefined
      if (shift !== undefined) masks.set(node, shift)
    }
  }
  return { program: summed.program, statistics, norms: folded.norms, accumulating: summed.accumulating, masks }
}

/** Whether the batch norm's input is a convolution's result that fills the region of sums itself. */
export function isMeasured({ statistics, program }: FusedProgram, norm: ProgramNode): boolean {
  return program.nodes.some((node) => node.op === 'Conv2D' && statistics.get(node) === statistics.get(norm))
}

/** Convolution, then batch norm with running averages: one node at the norm's place, where the residual is known. */
function foldNorms(program: Program): Pick<FusedProgram, 'program' | 'norms'> {
  const uses = findUses(program)
  const norms = new Map<ProgramNode, NodeFor<'BatchNormInference'>>()
  const taken = new Set<ProgramNode>()
  const nodes = program.nodes.map((node): ProgramNode => {
    const x = node.inputs[0] ?? -1
    const convolution = uses.producer.get(x)
    if (node.op !== 'BatchNormInference' || convolution?.op !== 'Conv2D' || !isReadOnce(uses, x)) return node
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
  const accumulating = new Set<ProgramNode>()
  const replaced = new Map<ProgramNode, ProgramNode>()
  const gone = new Set<ProgramNode>()
  for (const node of program.nodes) {
    if (node.op !== 'Add') continue
    const [sum = -1, gradient = -1] = node.inputs
    const convolution = uses.producer.get(gradient)
    if (convolution?.op !== 'Conv2DBackpropInput' || !isReadOnce(uses, gradient)) continue
    if (!endsBefore(program, uses, sum, convolution, node)) continue
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
  { nodes }: Program,
  { producer, readers, kept }: Uses,
  sum: ValueId,
  convolution: ProgramNode,
  addition: ProgramNode,
): boolean {
  const maker = producer.get(sum)
  if (maker === undefined || kept.has(sum)) return false
  const at = nodes.indexOf(convolution)
  const others = (readers.get(sum) ?? []).filter((reader) => reader !== addition)
  return nodes.indexOf(maker) < at && others.every((reader) => nodes.indexOf(reader) < at)
}

function isReadOnce({ readers, kept }: Uses, value: ValueId): boolean {
  return !kept.has(value) && readers.get(value)?.length === 1
}

function findUses(program: Program): Uses {
  const producer = new Map<ValueId, ProgramNode>()
  const readers = new Map<ValueId, ProgramNode[]>()
  for (const node of program.nodes) {
    for (const id of node.outputs) producer.set(id, node)
    for (const id of node.inputs) readers.set(id, [...(readers.get(id) ?? []), node])
  }
  const kept = new Set([...program.outputs, ...program.updates].map(({ value }) => value))
  return { producer, readers, kept }
}
