/** A worker thread of a test that is one replica on oneDNN, of one host alone or of one of several. */
import { parentPort, workerData } from 'node:worker_threads'
import { cpuExecutor } from '../../src/engine/executors/cpu/cpu-executor.ts'
import type { HostMeshLink } from '../../src/engine/executors/cpu/host-mesh.ts'
import type { ReplicaPlace, RunInputs, SharedRunMemory } from '../../src/engine/executors/executor.ts'
import type { Program } from '../../src/engine/graph/program.ts'
import type { StateLayout } from '../../src/engine/graph/state-layout.ts'
import { outputElements } from './run-program.ts'

export interface OneDnnTask {
  readonly program: Program
  readonly layout: StateLayout
  readonly memory: SharedRunMemory
  readonly place: ReplicaPlace
  readonly inputs: RunInputs
  readonly hosts: HostMeshLink | null
  readonly runs: number
}

/** Outputs of the last run, or why there are none. */
export type OneDnnAnswer =
  | { readonly kind: 'ran'; readonly outputs: Float32Array }
  | { readonly kind: 'failed'; readonly name: string; readonly message: string }

const task: OneDnnTask = workerData
const outputs = new Float32Array(outputElements(task.program))
try {
  const compiled = cpuExecutor({ hosts: task.hosts }).compile(task.program, task.layout, task.memory, task.place)
  for (let run = 0; run < task.runs; run++) compiled.run(task.inputs, outputs)
  compiled.dispose()
  parentPort?.postMessage({ kind: 'ran', outputs } satisfies OneDnnAnswer)
} catch (error) {
  const { name, message } = error instanceof Error ? error : new Error(String(error))
  parentPort?.postMessage({ kind: 'failed', name, message } satisfies OneDnnAnswer)
}
