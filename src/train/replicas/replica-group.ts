import type { Worker } from 'node:worker_threads'
import type { SlotRing } from '../../data/input/batch-source.ts'
import type { Executor, SharedRunMemory } from '../../engine/executors/executor.ts'
import { createExecutor, type ExecutorChoice } from '../../engine/executors/executor-choice.ts'
import type { Program } from '../../engine/graph/program.ts'
import type { StateLayout } from '../../engine/graph/state-layout.ts'
import { allowedCores } from '../../vocabulary/allowed-cores.ts'
import type { SlotIndex } from '../../vocabulary/counts.ts'
import type { ProgramName, ReplicaProfile } from './messages.ts'
import { ReplicaHandle } from './replica-handle.ts'
import { shareCores } from './share-cores.ts'

export interface GroupOptions {
  readonly executor: ExecutorChoice
  readonly replicas: number
  readonly programs: Readonly<Record<ProgramName, Program>>
  /** The program that the replicas compile at once. */
  readonly first: ProgramName
  readonly layout: StateLayout
  /** Flat state of the run; the replicas update it in place. */
  readonly state: SharedArrayBuffer
  readonly ring: SlotRing
}

/** A run that all replicas were told of. */
export interface StartedRun {
  /** Resolves when all have read the slot: it may be filled anew. */
  readonly read: Promise<void>
  /** Outputs of each replica, in the order of the program's outputs. Of a group that keeps them: when they were fetched. */
  readonly outputs: Promise<readonly (readonly number[])[]>
}

interface UnfetchedRun {
  readonly resolve: (outputs: readonly (readonly number[])[]) => void
  readonly reject: (error: unknown) => void
}

/** All replicas of a run: one worker thread a device, the same program on each its share of the batch. */
export class ReplicaGroup {
  readonly #handles: readonly ReplicaHandle[]
  readonly #executor: Executor
  readonly #abandon: () => void
  #unfetched: UnfetchedRun[] = []
  #failure: Error | null = null

  /** @throws UserFault where the executor does not work here */
  static async start(options: GroupOptions): Promise<ReplicaGroup> {
    const { replicas, programs, layout, state } = options
    const executor = await createExecutor(options.executor)
    const cores = shareCores(allowedCores(), replicas)
    const bytes = executor.exchangeBytes(Object.values(programs), layout, replicas)
    const memory: SharedRunMemory = { state, exchange: new SharedArrayBuffer(bytes) }
    executor.prepare?.(memory)
    return new ReplicaGroup(options, memory, cores, executor)
  }

  private constructor(
    options: GroupOptions,
    memory: SharedRunMemory,
    cores: readonly number[][],
    ownExecutor: Executor,
  ) {
    const { executor, replicas, programs, first, layout, ring } = options
    const abandon = () => ownExecutor.abandon(memory.exchange)
    this.#executor = ownExecutor
    this.#abandon = abandon
    // A process that ends waits for its threads one by one: one that waits for a partner that ended before would hang it.
    process.once('exit', abandon)
    this.#handles = cores.map((own, replica) => {
      const place = { replica, replicas, cores: own }
      return new ReplicaHandle({ executor, place, programs, first, layout, memory, ring }, (error) => {
        this.#failure ??= error
        // The other replicas wait for a gradient that will not come: free them, so that they end too.
        abandon()
      })
    })
  }

  /** Whether outputs stay on the devices until `fetch` is called. */
  get keepsOutputs(): boolean {
    return this.#executor.stepsAhead !== undefined
  }

  /** Slots that are to be with the replicas at a time, so that none waits for the main thread. */
  get stepsAhead(): number {
    // One runs, one waits.
    return this.#executor.stepsAhead ?? 2
  }

  /** The threads in the order of the replicas, for diagnosis. */
  get threads(): readonly Worker[] {
    return this.#handles.map(({ thread }) => thread)
  }

  /**
   * Runs a program on a slot in all replicas.
   * @param scalars in the order of the program's scalars
   * @returns outputs of each replica, in the order of the program's outputs
   * @throws the failure that came first; the group cannot run again then
   */
  async run(
    program: ProgramName,
    slot: SlotIndex,
    scalars: readonly number[],
  ): Promise<readonly (readonly number[])[]> {
    const { outputs } = this.start(program, slot, scalars)
    this.fetch()
    return await outputs
  }

  /** As run, told of its parts; both promises fail as it does. */
  start(program: ProgramName, slot: SlotIndex, scalars: readonly number[]): StartedRun {
    const ran = this.#all(this.#handles.map((handle) => handle.run({ kind: 'run', program, slot, scalars })))
    const read = ran.then(() => undefined)
    const outputs = new Promise<readonly (readonly number[])[]>((resolve, reject) => {
      if (this.keepsOutputs) this.#unfetched.push({ resolve, reject })
      else ran.then((values) => resolve(values.map((value) => value ?? [])), reject)
    })
    // Whoever waits for one of them is told; nobody has to wait for both.
    for (const part of [read, outputs]) part.catch(() => undefined)
    return { read, outputs }
  }

  /** Asks for the outputs of all runs that were started; where they are not kept on the devices they come by themselves. */
  fetch(): void {
    const runs = this.#unfetched
    if (runs.length === 0) return
    this.#unfetched = []
    this.#all(this.#handles.map((handle) => handle.fetch())).then(
      (ofReplicas) => {
        for (const [place, { resolve }] of runs.entries()) resolve(ofReplicas.map((outputs) => outputs[place] ?? []))
      },
      (error: unknown) => {
        for (const { reject } of runs) reject(error)
      },
    )
  }

  /** Answers of all replicas. @throws the failure that came first */
  async #all<T>(answers: readonly Promise<T>[]): Promise<T[]> {
    const values: T[] = []
    for (const result of await Promise.allSettled(answers)) {
      if (result.status === 'rejected') throw this.#failure ?? result.reason
      values.push(result.value)
    }
    return values
  }

  /** Brings the run's state in shared memory up to date, after the runs that were told before. @throws as run */
  async pullState(): Promise<void> {
    const [first] = this.#handles
    // All replicas have the same state.
    if (this.#executor.pullState !== undefined) await first?.moveState({ kind: 'state', move: 'pull' })
  }

  /** To be called when the run's state in shared memory was written: the next run begins with it. @throws as run */
  async pushState(): Promise<void> {
    if (this.#executor.pushState === undefined) return
    await Promise.all(this.#handles.map((handle) => handle.moveState({ kind: 'state', move: 'push' })))
  }

  /**
   * Starts the clocks of a program in the first replica, or stops them and tells what they say.
   * @throws where the executor has none
   */
  async profile(program: ProgramName, on: boolean): Promise<ReplicaProfile> {
    const [first] = this.#handles
    if (first === undefined) throw new Error('Expected at least one replica but received none')
    return await first.profile({ kind: 'profile', program, on })
  }

  /** Ends the waiting of all replicas for one another, and for other hosts: a run that is under way fails. */
  abandon(): void {
    this.#abandon()
  }

  /** Ends all threads after what they were told to run. */
  async stop(): Promise<void> {
    await Promise.all(this.#handles.map((handle) => handle.stop()))
    process.off('exit', this.#abandon)
  }
}
