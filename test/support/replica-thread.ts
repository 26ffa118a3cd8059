/** A worker thread that is one replica of a test: compiles the program it is given and runs it. */
import { parentPort, workerData } from 'node:worker_threads'
import type { ReplicaPlace, RunInputs, SharedRunMemory } from '../../src/engine/executors/executor.ts'
import { tfjsExecutor } from '../../src/engine/executors/tfjs/tfjs-executor.ts'
import type { XlaOptions } from '../../src/engine/executors/xla/platform-choices.ts'
import type { Program } from '../../src/engine/graph/program.ts'
import type { StateLayout } from '../../src/engine/graph/state-layout.ts'
import { outputElements } from './run-program.ts'
import { xlaOnCpu } from './xla.ts'

export interface ReplicaTask {
  readonly program: Program
  readonly layout: StateLayout
  readonly memory: SharedRunMemory
  readonly place: ReplicaPlace
  readonly inputs: RunInputs
  /** What this replica chooses of XLA, on whose CPU plugin it then runs, else on TensorFlow.js. */
  readonly xla: XlaOptions | null
  /** How often it is compiled and then run. */
  readonly times: number
}

export type ReplicaAnswer =
  | {
      readonly kind: 'ran'
      readonly outputs: Float32Array
      readonly warnings: readonly string[]
      /** How XLA's runs are launched (XlaProgram), '' on TensorFlow.js. */
      readonly launched: string
    }
  | { readonly kind: 'failed'; readonly message: string }

// Sent by runReplicas (run-replicas.ts), which takes a ReplicaTask.
const { program, layout, memory, place, inputs, xla, times } = workerData as ReplicaTask
const warnings: string[] = []
process.on('warning', ({ message }) => warnings.push(message))
const executor = xla === null ? await tfjsExecutor('cpu') : xlaOnCpu(place.replicas, xla)
const outputs = new Float32Array(outputElements(program))
let launched = ''
try {
  for (let time = 0; time < times; time++) {
    const compiled = executor.compile(program, layout, memory, place)
    compiled.run(inputs, outputs)
    if ('launched' in compiled) launched = String(compiled.launched)
    compiled.dispose()
  }
  // Warnings are told in the next turn.
  setImmediate(() => parentPort?.postMessage({ kind: 'ran', outputs, warnings, launched } satisfies ReplicaAnswer))
} catch (error) {
  // As the main thread does for a group of replicas on XLA; tfjs does it in its run.
  if (xla !== null) executor.abandon(memory.exchange)
  const message = error instanceof Error ? error.message : String(error)
  parentPort?.postMessage({ kind: 'failed', message } satisfies ReplicaAnswer)
}
