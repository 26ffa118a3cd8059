import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { Executor, RunInputs } from '../../src/executors/executor.ts'
import type { Program } from '../../src/graph/program.ts'
import type { StateLayout } from '../../src/graph/state-layout.ts'
import type { ReplicaAnswer, ReplicaTask } from './replica-thread.ts'

/** Runs a program once in replicas, each a thread with its own share of the batch, on one shared state. */
export async function runReplicas(
  executor: Executor,
  program: Program,
  layout: StateLayout,
  state: SharedArrayBuffer,
  shares: readonly RunInputs[],
): Promise<ReplicaAnswer[]> {
  const replicas = shares.length
  const exchange = new SharedArrayBuffer(executor.exchangeBytes([program], layout, replicas))
  return Promise.all(
    shares.map(async (inputs, replica) => {
      const place = { replica, replicas, cores: [replica] }
      const task: ReplicaTask = { program, layout, memory: { state, exchange }, place, inputs }
      const thread = new Worker(new URL('./replica-thread.js', import.meta.url), { workerData: task })
      const [answer]: ReplicaAnswer[] = await once(thread, 'message')
      await thread.terminate()
      if (answer === undefined) throw new Error(`Expected an answer of replica ${replica}`)
      return answer
    }),
  )
}
