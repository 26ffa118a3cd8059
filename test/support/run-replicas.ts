import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { Executor, RunInputs } from '../../src/engine/executors/executor.ts'
import type { XlaOptions } from '../../src/engine/executors/xla/platform-choices.ts'
import type { Program } from '../../src/engine/graph/program.ts'
import type { StateLayout } from '../../src/engine/graph/state-layout.ts'
import type { ReplicaAnswer, ReplicaTask } from './replica-thread.ts'

/** Executors whose replicas run: what `prepare` opened lasts as long as its executor. */
const held = new Set<Executor>()

/**
 * Compiles and runs a program in replicas, each a thread with its own share of the batch, on one shared state: once on
 * TensorFlow.js, or on XLA's CPU plugin as often as `xla` says, with what each replica chooses.
 */
export async function runReplicas(
  executor: Executor,
  program: Program,
  layout: StateLayout,
  state: SharedArrayBuffer,
  shares: readonly RunInputs[],
  xla: { readonly choices: readonly XlaOptions[]; readonly times: number } | null = null,
): Promise<ReplicaAnswer[]> {
  const replicas = shares.length
  const exchange = new SharedArrayBuffer(executor.exchangeBytes([program], layout, replicas))
  const memory = { state, exchange }
  held.add(executor)
  executor.prepare?.(memory)
  const answers = await Promise.all(
    shares.map(async (inputs, replica) => {
      const place = { replica, replicas, cores: [replica] }
      const chosen = { xla: xla?.choices[replica] ?? null, times: xla?.times ?? 1 }
      const task: ReplicaTask = { program, layout, memory, place, inputs, ...chosen }
      const thread = new Worker(new URL('./replica-thread.js', import.meta.url), { workerData: task })
      const [answer]: ReplicaAnswer[] = await once(thread, 'message')
      await thread.terminate()
      if (answer === undefined) throw new Error(`Expected an answer of replica ${replica}`)
      return answer
    }),
  )
  held.delete(executor)
  return answers
}
