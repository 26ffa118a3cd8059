import type { Program } from '../../graph/program.ts'
import type { StateLayout } from '../../graph/state-layout.ts'
import type { Executor, InstructionTime, ReplicaPlace, SharedRunMemory, TimedProgram } from '../executor.ts'
import { type HostMeshLink, orHostFault } from './host-mesh.ts'
import { type LoweredProgram, lowerProgram } from './lower-program.ts'
import { layOutExchange } from './lowering.ts'
import { loadNativeAddon, type NativeMachine } from './native-addon.ts'
import { encodePlan } from './plan-words.ts'
import { findHomes } from './storage.ts'

/** Header of the exchange: the barrier's counters (native/engine/runtime/exchange.hpp). */
const EXCHANGE_HEADER_BYTES = 4096
/** Place of `abandoned` in that header, in words (native/engine/runtime/barrier.hpp): the third line of 64 bytes. */
const ABANDONED_WORD = 32

/** A program compiled to oneDNN, with its plan. */
export interface OneDnnProgram extends TimedProgram {
  readonly lowered: LoweredProgram
}

export interface CpuExecutor extends Executor {
  readonly machine: NativeMachine
  compile(program: Program, layout: StateLayout, memory: SharedRunMemory, place: ReplicaPlace): OneDnnProgram
}

/** How programs are compiled; the defaults are what training uses. */
export interface CpuOptions {
  /** false = every convolution by oneDNN's direct kernels, or without it one filter element after another: slow twins of our own. */
  readonly ownConvolutions?: boolean
  /** false = every block's output is kept and every concatenation copied, the twin of what saves memory (docs/memory.md). */
  readonly lean?: boolean
  /** Links to the other hosts of the run, over which gradients are summed. */
  readonly hosts?: HostMeshLink | null
}

/** @throws UserFault where the addon is missing */
export function cpuExecutor(options: CpuOptions = {}): CpuExecutor {
  const { ownConvolutions = true, lean = true, hosts = null } = options
  const addon = loadNativeAddon()
  const machine = addon.machine()
  const ours = ownConvolutions && machine.winogradChannels > 0
  return {
    name: 'cpu',
    machine,
    exchangeBytes: (programs, layout, replicas) => {
      const sizes = programs.map((program) => {
        const exchange = layOutExchange(program, layout, findHomes(program))
        const elements = exchange.gradientElements + exchange.statisticElements
        return (replicas + (hosts === null ? 0 : 1)) * elements
      })
      return EXCHANGE_HEADER_BYTES + 4 * Math.max(0, ...sizes)
    },
    abandon: (exchange) => {
      Atomics.store(new Int32Array(exchange), ABANDONED_WORD, 1)
    },
    check: () => undefined,
    compile: (program, layout, memory, place) => {
      const block = usesBf16(program) ? machine.blockBf16 : machine.blockF32
      const target = { threads: place.cores.length, block, ownConvolutions: ours, lean }
      const lowered = lowerProgram(program, layout, target)
      const plan = new addon.Plan(
        encodePlan(lowered.plan, addon.planNames),
        new Float32Array(memory.state),
        new Uint8Array(memory.exchange),
        place.replica,
        place.replicas,
        Int32Array.from(place.cores),
        hosts?.handle ?? null,
      )
      return {
        lowered,
        run: ({ images, labels, scalars }, outputs) => orHostFault(() => plan.run(images, labels, scalars, outputs)),
        dispose: () => plan.dispose(),
        bytes: () => plan.bytes(),
        profile: (on) => plan.profile(on),
        times: () => nameTimes(lowered, plan.times()),
      }
    },
  }
}

const usesBf16 = (program: Program) => program.values.some(({ dtype }) => dtype === 'bf16')

function nameTimes({ plan }: LoweredProgram, nanoseconds: Float64Array): InstructionTime[] {
  const named = [...plan.instructions, { op: 'PrepareWeights', label: '' }, { op: 'Update', label: '' }]
  return named.map(({ op, label }, place) => ({ op, label, milliseconds: (nanoseconds[place] ?? 0) / 1e6 }))
}
