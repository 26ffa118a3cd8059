import type { Shape } from '../../../vocabulary/shape.ts'
import type { Rectifier } from '../../graph/ops/activation.ts'
import type { ConvAttributes } from '../../graph/ops/convolution.ts'
import { placeOf } from '../../graph/ops/operand-names.ts'
import { OPS } from '../../graph/ops.ts'
import { operands, type Program, type ProgramNode, results, typeOf, type ValueId } from '../../graph/program.ts'
import { findUses, type Uses } from './uses.ts'

/** Whether our own kernels do this convolution, so that they can read their input through a batch norm. */
export type OwnKernelRule = (attributes: ConvAttributes, filter: Shape) => boolean

/** What a convolution applies to its input while it reads it: batch norm, residual, rectifier. */
export interface NormedInput {
  /** Scale, shift, mean and variance, each [C]. */
  readonly vectors: readonly ValueId[]
  readonly shift: ValueId
  readonly residual: ValueId | null
  readonly epsilon: number
  readonly activation: Rectifier
}

/** How a batch norm's gradient computes again what was rectified, whose sign is the mask. */
export interface MaskSource {
  readonly shift: ValueId
  readonly residual: ValueId | null
}

interface FoldedRectifiers {
  readonly program: Program
  readonly prologues: ReadonlyMap<ProgramNode, NormedInput>
  readonly unstored: ReadonlySet<ValueId>
  readonly masks: ReadonlyMap<ProgramNode, MaskSource>
}

/**
 * Rectified batch norms whose result only convolutions of our own read (and gradients that need no y): they read x through the
 * norm, and the result is never stored. In the forward pass those without a residual, in the backward pass blocks' outputs
 * that would be made again (rematerialise.ts).
 */
export function foldRectifiers(program: Program, ours: OwnKernelRule): FoldedRectifiers {
  const uses = findUses(program)
  const masks = findMasks(program, uses)
  const prologues = new Map<ProgramNode, NormedInput>()
  const unstored = new Set<ValueId>()
  const replaced = new Map<ProgramNode, ProgramNode>()
  const dropped = new Set<ProgramNode>()
  for (const node of program.nodes) {
    const norm = normOf(node)
    if (norm === null || (node.op !== 'BatchNorm' && node.op !== 'BatchNormInference')) continue
    const x = operands(node).input('x')
    const y = results(node).output('y')
    if (uses.kept.has(y) || (norm.residual !== null && unstored.has(norm.residual))) continue
    const readers = uses.readers.get(y) ?? []
    const looks = (reader: ProgramNode) => isMaskOf(reader, x, y, norm) || masks.has(reader)
    if (!readers.every((reader) => looks(reader) || takesNorm(program, reader, y, ours))) continue
    unstored.add(y)
    if (node.op === 'BatchNormInference') dropped.add(node)
    for (const reader of readers) {
      if (masks.has(reader)) continue
      // The norm's operands behind the reader's own inputs keep them alive until then.
      const behind = [...norm.vectors, ...(norm.residual === null ? [] : [norm.residual])]
      const own = looks(reader) ? reader.inputs : reader.inputs.map((id) => (id === y ? x : id))
      // Only its inputs change, so the node keeps its op and attributes.
      const through = { ...reader, inputs: [...own, ...behind] } as ProgramNode
      replaced.set(reader, through)
      if (looks(reader)) masks.set(through, { shift: norm.shift, residual: norm.residual })
      else prologues.set(through, norm)
    }
  }
  const nodes = program.nodes.filter((node) => !dropped.has(node)).map((node) => replaced.get(node) ?? node)
  return { program: { ...program, nodes }, prologues, unstored, masks }
}

/** A rectified batch norm that others could apply. */
function normOf(node: ProgramNode): NormedInput | null {
  if (node.op === 'BatchNorm') {
    const { epsilon, activation, residual } = node.attributes
    if (activation === null || residual) return null
    const [{ input }, made] = [operands(node), results(node)]
    const vectors = [input('scale'), input('shift'), made.output('mean'), made.output('variance')]
    return { vectors, shift: input('shift'), residual: null, epsilon, activation }
  }
  if (node.op !== 'BatchNormInference' || node.phase !== 'backward') return null
  const { epsilon, activation, residual } = node.attributes
  if (activation === null) return null
  const { input } = operands(node)
  const vectors = [input('scale'), input('shift'), input('mean'), input('variance')]
  return { vectors, shift: input('shift'), residual: residual ? input('residual') : null, epsilon, activation }
}

/** Gradients whose rectifier had no residual: the sign of what it rectified follows from x. */
export function findMasks(program: Program, { producer }: Uses): Map<ProgramNode, MaskSource> {
  const masks = new Map<ProgramNode, MaskSource>()
  for (const node of program.nodes) {
    if (node.op !== 'BatchNormGrad' || node.attributes.activation === null || node.attributes.residual) continue
    const forward = producer.get(operands(node).input('y'))
    if (forward?.op === 'BatchNorm') masks.set(node, { shift: operands(forward).input('shift'), residual: null })
  }
  return masks
}

/**
 * What a node reads of its inputs. A batch norm's gradient looks at y for its rectifier's mask alone, and not where that comes
 * from what made y.
 */
export function readsOf(node: ProgramNode, masks: ReadonlyMap<ProgramNode, MaskSource>): readonly ValueId[] {
  if (node.op !== 'BatchNormGrad' || (node.attributes.activation !== null && !masks.has(node))) return node.inputs
  return node.inputs.toSpliced(placeOf(OPS.BatchNormGrad.inputs, 'y'), 1)
}

/** Whether the node is the gradient of the very norm that made y, and reads y for the mask alone. */
function isMaskOf(node: ProgramNode, x: ValueId, y: ValueId, { residual }: NormedInput): boolean {
  if (node.op !== 'BatchNormGrad' || residual === null || !node.attributes.residual) return false
  const { input } = operands(node)
  return input('x') === x && input('y') === y && node.inputs.filter((id) => id === y).length === 1
}

function takesNorm(program: Program, node: ProgramNode, y: ValueId, ours: OwnKernelRule): boolean {
  if (node.inputs.filter((id) => id === y).length !== 1) return false
  if (node.op === 'Conv2D') {
    const { input } = operands(node)
    return input('x') === y && ours(node.attributes, typeOf(program, input('filters')).shape)
  }
  if (node.op !== 'Conv2DBackpropFilter' || operands(node).input('x') !== y) return false
  return ours(node.attributes, node.attributes.filterShape)
}
