/**
 * The one interface behind which a captured program runs. `cpu/`, `tfjs/` and `xla/` implement it and never import
 * each other.
 */
import type { Program } from '../graph/program.ts'
import type { StateLayout } from '../graph/state-layout.ts'

/** Memory that all replicas of a run share: made by the main thread, sent once to each replica. */
export interface SharedRunMemory {
  /** State tensors (weights, momentum, running averages), f32, placed by the program's StateLayout. */
  readonly state: SharedArrayBuffer
  /** Scratch of the all-reduce; `exchangeBytes` of the executor, zeroed. */
  readonly exchange: SharedArrayBuffer
}

/** Which replica this is, and the cores it may use. */
export interface ReplicaPlace {
  readonly replica: number
  readonly replicas: number
  /** Logical CPUs of this replica; a replica runs one pinned thread on each. */
  readonly cores: readonly number[]
}

/** What one run of a program reads: this replica's share of a batch. */
export interface RunInputs {
  /** Pixels `[batch, height, width, channels]`, 0-255. */
  readonly images: Uint8Array
  /** Class of each image, `[batch]`, then of its partner where the program reads both; -1 = a row that fills up a partial batch and counts nowhere. */
  readonly labels: Int32Array
  /** Values of the program's scalar inputs, in the order of `program.scalars`. */
  readonly scalars: Float32Array
}

/** A program that an executor has compiled for one replica. */
export interface CompiledProgram {
  /**
   * Runs the program once; state is updated in place. Blocks the calling thread, and waits for the other replicas
   * where the program all-reduces.
   * @param outputs receives the program's scalar outputs in the order of `program.outputs`
   */
  run(inputs: RunInputs, outputs: Float32Array): void
  /** Frees what the program holds; it cannot run afterwards. */
  dispose(): void
}

/** A run that was started. Every wait throws what the run failed with. */
export interface PendingRun {
  /** Waits until its inputs were read: they must stay as they are until then. */
  waitUntilRead(): void
  /** Waits until the device has done it; the outputs stay there. */
  waitUntilEnded(): void
  /** Begins to copy the outputs from the device. */
  fetch(): void
  /** Waits for the outputs, in the order of `program.outputs`. */
  outputs(): Float32Array
}

/** A compiled program whose device takes runs before it has ended those before them. */
export interface QueuedProgram extends CompiledProgram {
  /** As `run`, but returns when the device was told. The device does runs in the order in which they were started. */
  start(inputs: RunInputs): PendingRun
}

/** Time of one instruction of a compiled program in the replica's first thread. */
export interface InstructionTime {
  /** Operation as the graph names it, e.g. `Conv2DBackpropInput`. */
  readonly op: string
  /** Layer that it belongs to, empty for what belongs to none. */
  readonly label: string
  readonly milliseconds: number
}

/** A compiled program that can time its parts. */
export interface TimedProgram extends CompiledProgram {
  /** Starts (or stops) the clock of each instruction, from zero. */
  profile(on: boolean): void
  /** Sums since `profile(true)`, in execution order. */
  times(): InstructionTime[]
  /** Bytes that this replica's plan holds: activations, working copies of weights, scratch memory. */
  bytes(): number
}

/** One line of `native-ensemble devices`. */
export interface DeviceReport {
  readonly executor: string
  readonly device: string
  readonly works: boolean
  /** Versions and capabilities where it works, else why not. */
  readonly detail: string
  /** What to install or set where it does not work. */
  readonly remedy: string | null
}

/** What compiles and runs programs. */
export interface Executor {
  readonly name: string
  /** Bytes of `SharedRunMemory.exchange` that `replicas` replicas of these programs need. */
  exchangeBytes(programs: readonly Program[], layout: StateLayout, replicas: number): number
  /** @throws UserFault where this machine cannot run the program; said before a run has made anything */
  check(program: Program): void
  compile(program: Program, layout: StateLayout, memory: SharedRunMemory, place: ReplicaPlace): CompiledProgram
  /** Ends the waiting of replicas whose partner failed; each ends its run with an error. Any thread may call it. */
  abandon(exchange: SharedArrayBuffer): void
  /**
   * Where programs are queued: runs that a device may have at a time, so that it never waits for the host. Their outputs
   * stay on the device until they are fetched.
   */
  readonly stepsAhead?: number
  /** Opens what all replicas share, in the thread that starts them, before they compile; it lasts as long as this object. */
  prepare?(memory: SharedRunMemory): void
  /** Where the state lives on a device: brings `memory.state` up to date. Called in the thread that compiled. */
  pullState?(memory: SharedRunMemory): void
  /** Where the state lives on a device: says that `memory.state` was written, so that the next run begins with it. */
  pushState?(memory: SharedRunMemory): void
}
