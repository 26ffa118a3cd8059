/** A worker thread that is one replica of a test: compiles the program it is given and runs it once. */
import { parentPort, workerData } from 'node:worker_threads'
import type { ReplicaPlace, RunInputs, SharedRunMemory } from '../../src/executors/executor.ts'
import { tfjsExecutor } from '../../src/executors/tfjs/tfjs-executor.ts'
import type { Program } from '../../src/graph/program.ts'
import type { StateLayout } from '../../src/graph/state-layout.ts'
import { outputElements } from './run-program.ts'

export interface ReplicaTask {
  readonly program: Program
  readonly layout: StateLayout
  readonly memory: SharedRunMemory
  readonly place: ReplicaPlace
  readonly inputs: RunInputs
}

export type ReplicaAnswer =
  | { readonly kind: 'ran'; readonly outputs: Float32Array }
  | { readonly kind: 'failed'; readonly message: string }

// Sent by runReplicas (run-replicas.ts), which takes a ReplicaTask.
const { program, layout, memory, place, inputs } = workerData as ReplicaTask
const executor = await tfjsExecutor('cpu')
const outputs = new Float32Array(outputElements(program))
try {
  const compiled = executor.compile(program, layout, memory, place)
  compiled.run(inputs, outputs)
  compiled.dispose()
  parentPort?.postMessage({ kind: 'ran', outputs } satisfies ReplicaAnswer)
} catch (error) {
  const message = error instanceof Error ? error.message : String(error)
  parentPort?.postMessage({ kind: 'failed', message } satisfies ReplicaAnswer)
}
