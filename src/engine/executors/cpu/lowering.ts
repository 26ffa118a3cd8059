import { elementCount } from '../../../vocabulary/shape.ts'
import { isOptimizerNode, operandsOf } from '../../graph/optimizer-nodes.ts'
import type { Program, ValueId } from '../../graph/program.ts'
import { typeOf } from '../../graph/program.ts'
import { findState, type StateLayout } from '../../graph/state-layout.ts'
import type { FusedProgram } from './fuse.ts'
import type { PlanInstruction, PlanTensor, Word } from './plan-words.ts'
import { type Home, planLayout, planSizes } from './storage.ts'

const LINE_ELEMENTS = 16

/** First elements of gradients and statistics in the exchange, and the sizes of both. */
export interface ExchangeLayout {
  readonly gradients: ReadonlyMap<ValueId, number>
  readonly gradientElements: number
  readonly statistics: ReadonlyMap<ValueId, number>
  readonly statisticElements: number
}

/**
 * Gradients of weights lie like the weights in the state, so that the optimizer runs over all in one pass; gradients that
 * no optimizer takes up follow behind.
 */
export function layOutExchange(
  program: Program,
  layout: StateLayout,
  homes: ReadonlyMap<ValueId, Home>,
): ExchangeLayout {
  const gradients = new Map<ValueId, number>()
  for (const node of program.nodes) {
    if (!isOptimizerNode(node)) continue
    const operands = operandsOf(node)
    const weight = homes.get(operands.weight)
    const gradient = homes.get(operands.gradient)
    if (weight?.kind !== 'state' || (gradient?.kind !== 'meanGradient' && gradient?.kind !== 'clippedGradient')) {
      throw new Error(`Expected an all-reduced gradient for ${node.label} but received ${gradient?.kind ?? 'nothing'}`)
    }
    gradients.set(gradient.source, findState(layout, weight.name).offset)
  }
  let gradientElements = gradients.size > 0 ? layout.weightElements : 0
  let statisticElements = 0
  const statistics = new Map<ValueId, number>()
  const lines = (id: ValueId) => Math.ceil(elementCount(typeOf(program, id).shape) / LINE_ELEMENTS) * LINE_ELEMENTS
  for (const [id, home] of homes) {
    if (home.kind === 'gradient' && !gradients.has(id)) {
      gradients.set(id, gradientElements)
      gradientElements += lines(id)
    }
    if (home.kind === 'meanStatistic' && !statistics.has(home.source)) {
      statistics.set(home.source, statisticElements)
      statisticElements += lines(home.source)
    }
  }
  return { gradients, gradientElements, statistics, statisticElements }
}

/** A plan being made: where each value of the program lies, and the instructions so far. */
export class Lowering {
  readonly program: Program
  readonly fused: FusedProgram
  /** Whether the program has a backward pass. */
  readonly training: boolean
  readonly layout: StateLayout
  readonly homes: ReadonlyMap<ValueId, Home>
  readonly exchange: ExchangeLayout
  readonly tensors: PlanTensor[] = []
  readonly instructions: PlanInstruction[] = []
  readonly finalScalars: PlanInstruction[] = []
  readonly reducedScalars: number[] = []
  readonly #offsets: ReadonlyMap<ValueId, number>
  readonly #tensorIndex = new Map<ValueId, number>()
  readonly #scalarIndex = new Map<ValueId, number>()

  constructor(
    fused: FusedProgram,
    layout: StateLayout,
    homes: ReadonlyMap<ValueId, Home>,
    offsets: ReadonlyMap<ValueId, number>,
  ) {
    const { program } = fused
    this.fused = fused
    this.program = program
    this.training = program.nodes.some(({ phase }) => phase === 'backward')
    this.layout = layout
    this.homes = homes
    this.exchange = layOutExchange(program, layout, homes)
    this.#offsets = offsets
    for (const { value } of program.scalars) this.scalar(value)
  }

  home(id: ValueId): Home {
    const home = this.homes.get(id)
    if (home === undefined) throw new Error(`Expected a place for value %${id} but received none`)
    return home
  }

  /** Index of the arena tensor of a value. */
  tensor(id: ValueId): number {
    const known = this.#tensorIndex.get(id)
    if (known !== undefined) return known
    const offset = this.#offsets.get(id)
    const { dtype } = typeOf(this.program, id)
    if (offset === undefined || (dtype !== 'f32' && dtype !== 'bf16')) {
      throw new Error(`Expected a tensor in the arena but received %${id}, ${this.home(id).kind} of ${dtype}`)
    }
    const layout = planLayout(this.program, id)
    const sizes = planSizes(this.program, id)
    const wholeChannels = this.fused.parts.get(id) ?? sizes.channels
    const index = this.tensors.push({ offset, ...sizes, wholeChannels, dtype, layout }) - 1
    this.#tensorIndex.set(id, index)
    return index
  }

  tensorList(ids: readonly ValueId[]): number[] {
    return ids.map((id) => this.tensor(id))
  }

  /** Index of a scalar. */
  scalar(id: ValueId): number {
    const known = this.#scalarIndex.get(id)
    if (known !== undefined) return known
    if (this.home(id).kind !== 'scalar') throw new Error(`Expected a scalar but received %${id}, ${this.home(id).kind}`)
    const index = this.#scalarIndex.size
    this.#scalarIndex.set(id, index)
    return index
  }

  /** Index of a scalar that every thread knows: inputs, constants and what follows from them. */
  uniformScalar(id: ValueId): number {
    const home = this.home(id)
    if (home.kind !== 'scalar' || !home.uniform) {
      throw new Error(`Expected a scalar known before the step but received %${id}, which sums over the batch`)
    }
    return this.scalar(id)
  }

  get scalarCount(): number {
    return this.#scalarIndex.size
  }

  /** First element in the state of a tensor that is read in f32. */
  state(id: ValueId): number {
    const home = this.home(id)
    if (home.kind !== 'state') throw new Error(`Expected a state tensor but received %${id}, ${home.kind}`)
    return findState(this.layout, home.name).offset
  }

  /** Words of a vector [C] that lies in the state or in the arena. */
  vector(id: ValueId): Word[] {
    return this.home(id).kind === 'state' ? [0, this.state(id)] : [1, this.tensor(id)]
  }

  /** First element in the exchange of a gradient. */
  gradient(id: ValueId): number {
    const offset = this.exchange.gradients.get(id)
    if (offset === undefined) throw new Error(`Expected a gradient but received %${id}, ${this.home(id).kind}`)
    return offset
  }

  emit(instruction: string, words: readonly Word[], { op, label }: { op: string; label: string }): void {
    this.instructions.push({ instruction, words, op, label })
  }

  /** Scalar arithmetic: at once where every thread knows the operands, else after the sums over the threads. */
  emitScalar(
    instruction: string,
    words: readonly Word[],
    result: ValueId,
    { op, label }: { op: string; label: string },
  ): void {
    const home = this.home(result)
    const list = home.kind === 'scalar' && home.uniform ? this.instructions : this.finalScalars
    list.push({ instruction, words, op, label })
  }
}
