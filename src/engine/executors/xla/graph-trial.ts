/** Tries the graphs that a program can be compiled to on the device: which of them run, and which is the fastest. */
import type { DeviceCopy } from './device-copy.ts'
import type { LoweredProgram } from './lower-program.ts'
import { patience } from './patience.ts'
import { loadPjrtAddon, type PjrtProgram } from './pjrt-addon.ts'
import type { GraphChoice } from './platform-choices.ts'
import type { ProgramBuffers } from './program-buffers.ts'
import { abandonedWord } from './replica-meeting.ts'
import { SharedTrial } from './shared-trial.ts'
import { drawTrialInputs, drawTrialState, type HostArrays } from './trial-inputs.ts'

/**
 * Runs from one state that are compared. Of a new program the first goes without a graph, the second records it, the others
 * launch what was recorded, each with other inputs; begun again, all of them are launched.
 */
const CHECKED_RUNS = 4
/** Rounds through the two that are compared, and runs of each that are queued in a round. */
const ROUNDS = 3
const QUEUED = 8

/** Where a program is tried: on a device's copy of the state, together with the replicas that it sums with. */
export interface TrialPlace {
  readonly lowered: LoweredProgram
  readonly buffers: ProgramBuffers
  readonly copy: DeviceCopy
  readonly exchange: SharedArrayBuffer
  readonly replicas: number
}

/** What all graphs of a program are tried on. */
interface TrialData {
  readonly state: SharedArrayBuffer
  /** Host inputs of the checked runs. */
  readonly inputs: readonly HostArrays[]
}

/** A graph that runs. */
export interface TriedGraph {
  readonly program: PjrtProgram
  readonly order: string
}

/**
 * Compiles a program to one graph after the other and runs each on a drawn state, so that what cannot be captured, or gives
 * other numbers than the same kernels launched in pieces, is refused here and does not train. One that runs is timed against
 * the best so far, and taken where no replica finds it slower.
 * @returns `fastest` null where none runs, and what is to be said of each
 */
export function fastestGraph(
  graphs: readonly GraphChoice[],
  compile: (graph: GraphChoice) => PjrtProgram,
  place: TrialPlace,
): { readonly fastest: TriedGraph | null; readonly remarks: readonly string[] } {
  const data: TrialData = {
    state: drawTrialState(place.copy.layout),
    inputs: Array.from({ length: CHECKED_RUNS }, (_, run) => drawTrialInputs(place.lowered, run)),
  }
  let fastest: TriedGraph | null = null
  const remarks: string[] = []
  for (const graph of graphs) {
    const { program, remark } = tryGraph(graph, compile, fastest, place, data)
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
  data: TrialData,
): { readonly program: PjrtProgram | null; readonly remark: string } {
  // Before anything can fail: all replicas give the same numbers to the same runs.
  const runs = new TrialRuns(place, data, 2 * CHECKED_RUNS + (rival === null ? 0 : 2 * ROUNDS * QUEUED))
  let program: PjrtProgram | null = null
  let remark = 'runs'
  let refusal: string | null = null
  try {
    program = compile(graph)
    runs.check(program)
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
  readonly #data: TrialData
  /** The host's side of the scratch state. */
  readonly #state: SharedArrayBuffer
  readonly #scratch: DeviceCopy
  readonly #buffers: ProgramBuffers
  readonly #outputElements: number

  constructor({ lowered, buffers, copy, exchange, replicas }: TrialPlace, data: TrialData, runs: number) {
    const { collective, outputElements } = lowered
    this.#buffers = buffers
    this.#outputElements = outputElements
    this.#launches = Array.from({ length: runs }, () => copy.nextLaunch(collective))
    this.#abandoned = abandonedWord(exchange)
    this.#shared = collective ? new SharedTrial(exchange, replicas, runs, () => copy.nextMeeting()) : null
    this.#data = data
    this.#state = new SharedArrayBuffer(data.state.byteLength)
    this.#scratch = copy.scratch(this.#state)
  }

  /** @throws Error where the program's graph gives other numbers than its kernels launched in pieces */
  check(program: PjrtProgram): void {
    const inPieces = this.#numbers(program)
    const asGraph = this.#numbers(program)
    if (!asGraph.every((bits, index) => bits === inPieces[index])) {
      throw new Error('as a graph it gives other numbers than in pieces')
    }
  }

  /** Bits of all outputs and of the state after some runs from the drawn one. */
  #numbers(program: PjrtProgram): Uint32Array {
    new Uint8Array(this.#state).set(new Uint8Array(this.#data.state))
    this.#scratch.invalidate()
    const outputs = this.#run(program, CHECKED_RUNS)
    this.#scratch.pull()
    const state = new Float32Array(this.#state)
    const numbers = new Float32Array(outputs.reduce((sum, { length }) => sum + length, state.length))
    numbers.set(state)
    let end = state.length
    for (const output of outputs) {
      numbers.set(output, end)
      end += output.length
    }
    return new Uint32Array(numbers.buffer)
  }

  /** @returns outputs of each run when so many are queued */
  #run(program: PjrtProgram, queued: number): Float32Array[] {
    const { writes, outdated, roundedReads, roundedWrites } = this.#buffers
    this.#scratch.refresh(roundedReads)
    const { Run } = loadPjrtAddon()
    const runs = this.#launches.splice(0, queued).map((launch, index) => {
      this.#shared?.meet()
      return new Run(program, this.#scratch.native, this.#data.inputs[index % CHECKED_RUNS] ?? [], launch)
    })
    this.#scratch.markChanged(writes, outdated, roundedWrites)
    return runs.map((run) => {
      const outputs = new Float32Array(this.#outputElements)
      run.outputs(outputs, this.#abandoned, patience('first'))
      return outputs
    })
  }

  /** @returns milliseconds of a run when so many are queued */
  time(program: PjrtProgram, queued: number): number {
    const begin = performance.now()
    this.#run(program, queued)
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
