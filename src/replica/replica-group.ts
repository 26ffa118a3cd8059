import type { Worker } from 'node:worker_threads'
import type { Executor, SharedRunMemory } from '../executors/executor.ts'
import { createExecutor, type ExecutorChoice } from '../executors/executor-choice.ts'
import type { Program } from '../graph/program.ts'
import type { StateLayout } from '../graph/state-layout.ts'
import type { SlotRing } from '../input/batch-source.ts'
import type { SlotIndex } from '../vocabulary/counts.ts'
import { allowedCores, shareCores } from './cores.ts'
import type { ProgramName, ReplicaProfile } from './messages.ts'
import { ReplicaHandle } from './replica-handle.ts'

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

/** All replicas of a run: one worker thread a device, the same program on each its share of the batch. */
export class ReplicaGroup {
  readonly #handles: readonly ReplicaHandle[]
  readonly #executor: Executor
  readonly #abandon: () => void
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

  /** Steps that are to be with the replicas at a time, so that none waits for the main thread. */
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
    const runs = this.#handles.map((handle) => handle.run({ kind: 'run', program, slot, scalars }))
    const results = await Promise.allSettled(runs)
    const outputs: (readonly number[])[] = []
    for (const result of results) {
      if (result.status === 'rejected') throw this.#failure ?? result.reason
      outputs.push(result.value)
    }
    return outputs
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
