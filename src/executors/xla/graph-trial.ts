/** Tries the graphs that a program can be compiled to on the device: which of them run, and which is the fastest. */
import { elementCount } from '../../vocabulary/shape.ts'
import type { DeviceCopy } from './device-copy.ts'
import type { LoweredProgram } from './lower-program.ts'
import { patience } from './patience.ts'
import { loadPjrtAddon, type PjrtProgram } from './pjrt-addon.ts'
import type { GraphChoice } from './platform-choices.ts'
import { abandonedWord } from './replica-meeting.ts'
import { SharedTrial } from './shared-trial.ts'

/** The first run goes without a graph, the second records it, the third launches what was recorded. */
const FIRST_RUNS = 3
/** Rounds through the two that are compared, and runs of each that are queued in a round. */
const ROUNDS = 3
const QUEUED = 4

const HOST_ARRAYS = { images: Uint8Array, labels: Int32Array, scalars: Float32Array } as const

/** Where a program is tried: on a device's copy of the state, together with the replicas that it sums with. */
export interface TrialPlace {
  readonly lowered: LoweredProgram
  readonly copy: DeviceCopy
  readonly exchange: SharedArrayBuffer
  readonly replicas: number
}

/** A graph that runs. */
export interface TriedGraph {
  readonly program: PjrtProgram
  readonly order: string
}

/**
 * Compiles a program to one graph after the other and runs each on a state of zeros, so that what cannot be captured fails
 * here and not in training. One that runs is timed against the best so far, and taken where no replica finds it slower.
 * @returns `fastest` null where none runs, and what is to be said of each
 */
export function fastestGraph(
  graphs: readonly GraphChoice[],
  compile: (graph: GraphChoice) => PjrtProgram,
  place: TrialPlace,
): { readonly fastest: TriedGraph | null; readonly remarks: readonly string[] } {
  let fastest: TriedGraph | null = null
  const remarks: string[] = []
  for (const graph of graphs) {
    const { program, remark } = tryGraph(graph, compile, fastest, place)
    remarks.push(`${graph.order}: ${remark}`)
    if (program === null) continue
    fastest?.program.dispose()
    fastest = { program, order: graph.order }
  }
  return { fastest, remarks }
}

/** @returns `program` null where it is not taken */
function tryGraph(
  graph: GraphChoice,
  compile: (graph: GraphChoice) => PjrtProgram,
  rival: TriedGraph | null,
  place: TrialPlace,
): { readonly program: PjrtProgram | null; readonly remark: string } {
  // Before anything can fail: all replicas give the same numbers to the same runs.
  const runs = new TrialRuns(place, FIRST_RUNS + (rival === null ? 0 : 2 * ROUNDS * QUEUED))
  let program: PjrtProgram | null = null
  let remark = 'runs'
  let refusal: string | null = null
  try {
    program = compile(graph)
    for (let run = 0; run < FIRST_RUNS; run++) runs.time(program, 1)
    if (rival !== null) {
      const [own, other] = runs.compare(program, rival.program)
      remark = `${own.toPrecision(3)} ms a run, ${rival.order} ${other.toPrecision(3)} ms`
      if (own > other) refusal = remark
    }
  } catch (error) {
    refusal = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)
  }
  refusal = runs.end(refusal)
  if (refusal === null) return { program, remark }
  program?.dispose()
  return { program: null, remark: refusal }
}

/** Runs on a state of their own, as many as were said; each waits for the replicas that it sums with. */
class TrialRuns {
  readonly #launches: number[]
  readonly #abandoned: Int32Array
  readonly #shared: SharedTrial | null
  readonly #inputs: (Uint8Array | Int32Array | Float32Array)[]
  readonly #scratch: DeviceCopy
  readonly #rounded: readonly number[]

  constructor({ lowered, copy, exchange, replicas }: TrialPlace, runs: number) {
    const { collective } = lowered
    this.#launches = Array.from({ length: runs }, () => copy.nextLaunch(collective))
    this.#abandoned = abandonedWord(exchange)
    this.#shared = collective ? new SharedTrial(exchange, replicas, runs, () => copy.nextMeeting()) : null
    this.#inputs = lowered.inputs.map(({ kind, shape }) => new HOST_ARRAYS[kind](elementCount(shape)))
    this.#scratch = copy.scratch()
    this.#rounded = lowered.roundedReads.map((name) => copy.place(name))
  }

  /** @returns milliseconds of a run when so many are queued */
  time(program: PjrtProgram, queued: number): number {
    this.#scratch.refresh(this.#rounded)
    const { Run } = loadPjrtAddon()
    const begin = performance.now()
    const runs = this.#launches.splice(0, queued).map((launch) => {
      this.#shared?.meet()
      return new Run(program, this.#scratch.native, this.#inputs, launch)
    })
    for (const run of runs) run.waitUntilEnded(this.#abandoned, patience())
    return (performance.now() - begin) / queued
  }

  /** @returns least milliseconds of a run of each, measured in turn */
  compare(one: PjrtProgram, other: PjrtProgram): [one: number, other: number] {
    const rounds = Array.from({ length: ROUNDS }, () => [this.time(one, QUEUED), this.time(other, QUEUED)] as const)
    return [Math.min(...rounds.map(([ms]) => ms)), Math.min(...rounds.map(([, ms]) => ms))]
  }

  /**
   * After the runs, or what ended them.
   * @param refusal why this replica does not take the program, null = it does
   * @returns why no replica does, null = all do
   */
  end(refusal: string | null): string | null {
    this.#scratch.dispose()
    return this.#shared === null ? refusal : this.#shared.agree(refusal)
  }
}
