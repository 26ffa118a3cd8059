import { elementCount } from '../../../vocabulary/shape.ts'
import { type MemoryPlan, planMemory } from '../../graph/memory-plan.ts'
import { type Program, typeOf, type ValueId } from '../../graph/program.ts'
import type { StateLayout } from '../../graph/state-layout.ts'
import { type OwnKernelRule, readsOf } from './fold-rectifiers.ts'
import { type FusedProgram, fuseNodes } from './fuse.ts'
import { importStates } from './import-states.ts'
import { lowerNode, overwrittenOperands } from './lower-node.ts'
import { Lowering } from './lowering.ts'
import type { Plan } from './plan-words.ts'
import { rematerialiseJoins } from './rematerialise.ts'
import { arenaBytes, FEWEST_BLOCKED_CHANNELS, findHomes, type Home } from './storage.ts'
import { gradientClip, optimizerUpdates, planExports, runningAverages, sgdRanges } from './update-ranges.ts'

const LINE_BYTES = 64

/** What a plan is made for. */
export interface LoweringTarget {
  /** Threads of a replica; each takes its slice of the batch. */
  readonly threads: number
  /** Channels in a block of the machine's layout, 0 = channels last. */
  readonly block: number
  /** Whether our own kernels serve the convolutions that they fit (docs/convolutions.md); else oneDNN does. */
  readonly ownConvolutions: boolean
  /** Whether blocks' outputs are made again in the backward pass and concatenations grow in place, to spare memory. */
  readonly lean: boolean
}

export interface LoweredProgram {
  readonly plan: Plan
  /** Of one thread's arena. */
  readonly memory: MemoryPlan
}

/** Turns a program into the flat plan of a replica whose threads each run it on a slice of the batch. */
export function lowerProgram(captured: Program, layout: StateLayout, target: LoweringTarget): LoweredProgram {
  const { program: imported, imports } = importStates(captured)
  const source = target.lean ? rematerialiseJoins(imported) : imported
  const fused = fuseNodes(source, ownKernelRule(target), target.lean)
  const { program } = fused
  const homes = findHomes(program)
  for (const id of imports.keys()) homes.set(id, { kind: 'rows' })
  const memory = planArena(fused, homes, target)
  const lowering = new Lowering(fused, layout, homes, memory.offsets)
  for (const node of program.nodes) lowerNode(lowering, node)
  const statistics = [...lowering.exchange.statistics].map(([id, offset]) => ({
    tensor: lowering.tensor(id),
    target: offset,
    count: elementCount(typeOf(program, id).shape),
  }))
  const plan: Plan = {
    block: target.block,
    ownConvolutions: target.ownConvolutions,
    batch: program.batch,
    imageBytes: program.images === null ? 0 : elementCount(typeOf(program, program.images).shape),
    labelCount: program.labels === null ? 0 : elementCount(typeOf(program, program.labels).shape),
    scalarInputs: program.scalars.length,
    arenaBytes: memory.bytes,
    gradientElements: lowering.exchange.gradientElements,
    statisticElements: lowering.exchange.statisticElements,
    outputElements: program.outputs.reduce((sum, { value }) => sum + elementCount(typeOf(program, value).shape), 0),
    instructions: lowering.instructions,
    reducedScalars: lowering.reducedScalars,
    finalScalars: lowering.finalScalars,
    statistics,
    clip: gradientClip(lowering),
    sgd: sgdRanges(lowering),
    ...optimizerUpdates(lowering),
    running: runningAverages(lowering),
    exports: planExports(lowering),
    // Last: the rules above give scalars and tensors their numbers.
    scalarCount: lowering.scalarCount,
    tensors: lowering.tensors,
  }
  return { plan, memory }
}

/**
 * As `winogradFits` and `directFits` of native/engine, which refuse a plan that takes them to serve what they do not: channels in
 * blocks of sixteen.
 */
function ownKernelRule({ ownConvolutions, block }: LoweringTarget): OwnKernelRule {
  return ({ groups }, [out = 0, perGroup = 0]) =>
    ownConvolutions && block === 16 && Math.min(out, groups * perGroup) >= FEWEST_BLOCKED_CHANNELS
}

/** Plans one thread's arena: activations of its slice of the batch, and vectors. */
export function planArena(fused: FusedProgram, homes: ReadonlyMap<ValueId, Home>, target: LoweringTarget): MemoryPlan {
  const { program, accumulating, masks } = fused
  const samples = Math.ceil(program.batch / target.threads)
  return planMemory(program, {
    alignment: LINE_BYTES,
    bytesOf: (id) => {
      const home = homes.get(id)
      return home === undefined || fused.unstored.has(id) ? 0 : arenaBytes(fused, id, home, samples, target.block)
    },
    within: (id) => fused.within.get(id),
    sharesWith: (node, output) => (accumulating.has(node) ? node.inputs.slice(2) : overwrittenOperands(node, output)),
    reads: (node) => readsOf(node, masks),
  })
}
