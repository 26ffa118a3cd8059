/** The tables of `npm run compile:gpu`: what XLA made of each training step. */
import type { AheadOfTime } from '../src/engine/executors/xla/ahead-of-time.ts'
import type { CompiledMemory } from '../src/engine/executors/xla/pjrt-addon.ts'
import type { StepTask } from './baselines/step-task.ts'
import { longestChain } from './kernel-chain.ts'
import type { MachineFacts } from './machine-facts.ts'
import {
  type Exchange,
  KERNEL_KINDS,
  type KernelKind,
  readExchanges,
  readKernels,
  readLaunches,
} from './optimised-hlo.ts'

export interface CompiledStep {
  readonly task: StepTask
  readonly precision: string
  /** Whose program it is. */
  readonly writer: 'own' | 'jax'
  readonly outcome: Accepted | Refused
}

export interface Accepted {
  readonly accepted: true
  readonly seconds: number
  readonly kinds: Readonly<Record<KernelKind, { readonly kernels: number; readonly bytes: number }>>
  readonly launches: number
  readonly graphs: number
  /** The most kernels of which each waits for the one before; all of them where none may run beside another. */
  readonly longestChain: number
  /** In the order in which they begin. */
  readonly exchanges: readonly Exchange[]
  readonly memory: CompiledMemory
}

export interface Refused {
  readonly accepted: false
  readonly reason: string
}

export interface CompileReport {
  readonly date: string
  readonly gpu: string
  readonly plugin: string
  /** GPUs that make a step together. */
  readonly replicas: number
  readonly machine: MachineFacts
  readonly steps: readonly CompiledStep[]
}

/** What the tables say of a compiled program. */
export function summarise(compiled: AheadOfTime): Accepted {
  const { memory, milliseconds, optimisedHlo, launches, buffers, sideBySide } = compiled
  const kernels = readKernels(optimisedHlo)
  const of = (kind: KernelKind) => {
    const own = kernels.filter((kernel) => kernel.kind === kind)
    return { kernels: own.length, bytes: own.reduce((sum, kernel) => sum + kernel.bytesRead + kernel.bytesWritten, 0) }
  }
  const kinds = Object.fromEntries(KERNEL_KINDS.map((kind) => [kind, of(kind)])) as Accepted['kinds']
  return {
    accepted: true,
    seconds: milliseconds / 1000,
    kinds,
    ...readLaunches(launches),
    longestChain: sideBySide ? longestChain(optimisedHlo, buffers) : kernels.length,
    exchanges: readExchanges(optimisedHlo),
    memory,
  }
}

const OTHER: readonly KernelKind[] = ['matrix product', 'copy', 'collective', 'other']
const COLUMNS: readonly (readonly [string, readonly KernelKind[]])[] = [
  ['all', KERNEL_KINDS],
  ['conv.', ['convolution']],
  ['reductions', ['reduction']],
  ['elementwise', ['elementwise']],
  ['other', OTHER],
]

const total = ({ kinds }: Accepted, of: readonly KernelKind[], what: 'kernels' | 'bytes') =>
  of.reduce((sum, kind) => sum + kinds[kind][what], 0)
const megabytes = (bytes: number) => (bytes / 1e6).toFixed(0)

/** One line of the log while the next is compiled. */
export function printOutcome({ outcome }: CompiledStep): string {
  if (!outcome.accepted) return `refused: ${outcome.reason}`
  const kernels = total(outcome, KERNEL_KINDS, 'kernels')
  const bytes = megabytes(total(outcome, KERNEL_KINDS, 'bytes'))
  return `${kernels} kernels, ${outcome.longestChain} in a chain, ${bytes} MB, ${outcome.launches} launches, compiled in ${outcome.seconds.toFixed(0)} s`
}

function printTable(steps: readonly CompiledStep[]): string {
  const names = COLUMNS.map(([name]) => name)
  const head = [
    ...['step', 'by', 'compiled in s', 'launches', 'of these graphs', 'longest chain'],
    ...names.map((name) => (name === 'all' ? 'kernels' : `k. ${name}`)),
    ...names.map((name) => (name === 'all' ? 'MB moved' : `MB ${name}`)),
    'temporary MB',
  ]
  const rows = steps.flatMap(({ task, precision, writer, outcome }) => {
    if (!outcome.accepted) return []
    const cells = [
      `${task.network} ${precision}`,
      writer,
      outcome.seconds.toFixed(0),
      outcome.launches,
      outcome.graphs,
      outcome.longestChain,
      ...COLUMNS.map(([, of]) => total(outcome, of, 'kernels')),
      ...COLUMNS.map(([, of]) => megabytes(total(outcome, of, 'bytes'))),
      megabytes(outcome.memory.temporaryBytes),
    ]
    return [`| ${cells.join(' | ')} |`]
  })
  return [`| ${head.join(' | ')} |`, `|---|---|${'--:|'.repeat(head.length - 2)}`, ...rows].join('\n')
}

/** How far the sums over replicas go on beside other work, a row a step. */
function printExchanges(steps: readonly CompiledStep[]): string[] {
  const rows = steps.flatMap(({ task, precision, outcome }) => {
    if (!outcome.accepted || outcome.exchanges.length === 0) return []
    const { exchanges } = outcome
    const bytes = (which: (exchange: Exchange) => boolean) =>
      megabytes(exchanges.filter(which).reduce((sum, exchange) => sum + exchange.bytes, 0))
    const beside = exchanges.map(({ kernelsBeside }) => kernelsBeside).toSorted((left, right) => left - right)
    const cells = [
      `${task.network} ${precision}`,
      exchanges.length,
      bytes(() => true),
      bytes(({ kernelsBeside }) => kernelsBeside === 0),
      beside[Math.floor(beside.length / 2)],
    ]
    return [`| ${cells.join(' | ')} |`]
  })
  if (rows.length === 0) return []
  const head = '| step | exchanges | MB exchanged | MB with nothing beside | kernels beside one, median |'
  return ['## Sums over replicas', [head, '|---|--:|--:|--:|--:|', ...rows].join('\n')]
}

/** Ours over JAX's, a line a step that both have. */
function printComparison(steps: readonly CompiledStep[]): string[] {
  return steps.flatMap(({ task, precision, writer, outcome: own }) => {
    const jax = steps.find((other) => other.writer === 'jax' && other.task === task && other.precision === precision)
    if (writer !== 'own' || !own.accepted || jax === undefined || !jax.outcome.accepted) return []
    const theirs = jax.outcome
    const over = (what: (step: Accepted) => number) => {
      const ratio = what(own) / what(theirs)
      return ratio < 0.1 ? ratio.toPrecision(2) : ratio.toFixed(2)
    }
    return [
      `- ${task.network} ${precision}: kernels ${over((step) => total(step, KERNEL_KINDS, 'kernels'))}, ` +
        `longest chain ${over((step) => step.longestChain)}, ` +
        `launches ${over(({ launches }) => launches)}, bytes moved ${over((step) => total(step, KERNEL_KINDS, 'bytes'))}, ` +
        `temporary memory ${over(({ memory }) => memory.temporaryBytes)}`,
    ]
  })
}

export function printReport({ date, gpu, plugin, replicas, machine, steps }: CompileReport): string {
  const tasks = [...new Set(steps.map(({ task }) => task))].map(
    ({ network, branches, classes, batch, side }) =>
      `${network} (batch ${batch}${replicas === 1 ? '' : ' a GPU'} of ${side} x ${side}, ${classes} classes, ${branches} branches)`,
  )
  const libraries = Object.entries(machine.libraries).map(([name, version]) => `${name} ${version}`)
  const comparison = printComparison(steps)
  return [
    `# Training steps compiled for ${replicas === 1 ? '' : `${replicas} x `}${gpu}, ${date}`,
    '**Nothing here was run on a GPU.** XLA compiled each step for the described GPU on a machine without one: what it ' +
      'made of it was counted, no time but that of compiling was measured.',
    `Steps: ${tasks.join(', ')}. Plugin: ${plugin}. ${libraries.length > 0 ? `Versions: ${libraries.join(', ')}.` : ''}`,
    `Compiled on: ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.system}.`,
    printTable(steps),
    "A kernel is one of XLA's or a call of a library (which may launch several). Launches: what the host starts for a " +
      'step, a CUDA graph counts one. Longest chain: the most kernels of which each waits for the one before, by the memory ' +
      'that they read and write; all of them where XLA puts one after the other. MB moved: operands (or the slices cut ' +
      'out of them) and results of each kernel, ' +
      "without what a library works in; what stays in the GPU's cache is counted as well. Other: matrix products, copies and " +
      'transposes, sums over replicas. Without a device no algorithm is tried: convolutions are cuDNN calls of an unknown ' +
      'choice and speed, and matrix products are left to cuBLAS (`xla_gpu_enable_triton_gemm=false`), so on a GPU XLA may choose otherwise there.',
    ...printExchanges(steps),
    ...(comparison.length > 0 ? ["## Ours over JAX's", comparison.join('\n')] : []),
    ...steps.flatMap(({ task, precision, writer, outcome }) =>
      outcome.accepted ? [] : [`${task.network} ${precision} of ${writer} was refused: ${outcome.reason}`],
    ),
  ].join('\n\n')
}
