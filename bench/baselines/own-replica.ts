/** Thread of the own baseline: one replica's compiled step, run as often as it is told. */
import { parentPort, workerData } from 'node:worker_threads'
import { type CpuOptions, cpuExecutor } from '../../src/engine/executors/cpu/cpu-executor.ts'
import type { ReplicaPlace, SharedRunMemory } from '../../src/engine/executors/executor.ts'
import { type Program, typeOf } from '../../src/engine/graph/program.ts'
import type { StateLayout } from '../../src/engine/graph/state-layout.ts'
import { randomStream } from '../../src/vocabulary/random.ts'
import { elementCount } from '../../src/vocabulary/shape.ts'

export interface OwnReplicaSetup {
  readonly program: Program
  readonly layout: StateLayout
  readonly memory: SharedRunMemory
  readonly place: ReplicaPlace
  readonly classes: number
  /** Values of the program's scalars by name. */
  readonly scalars: Readonly<Record<string, number>>
  readonly kernels: CpuOptions
}

export interface OwnReplicaRequest {
  readonly steps: number
  readonly profiled: boolean
}

export interface OwnReplicaReply {
  /** Of each step. */
  readonly ms: readonly number[]
  readonly loss: number
  /** Where it was profiled: milliseconds by op, summed over the steps, in the replica's first thread. */
  readonly byOp: Readonly<Record<string, number>>
}

const setup: OwnReplicaSetup = workerData
if (parentPort === null) throw new Error('Expected a worker thread for a replica but received the main thread')
const port = parentPort

const { program, classes } = setup
const compiled = cpuExecutor(setup.kernels).compile(program, setup.layout, setup.memory, setup.place)
const inputs = {
  images: randomBytes(program.images === null ? 0 : elementCount(typeOf(program, program.images).shape)),
  labels: Int32Array.from({ length: program.batch }, (_, row) => (row * 7 + setup.place.replica) % classes),
  scalars: Float32Array.from(program.scalars, ({ name }) => setup.scalars[name] ?? Number.NaN),
}
const outputs = new Float32Array(
  program.outputs.reduce((sum, { value }) => sum + elementCount(typeOf(program, value).shape), 0),
)

port.on('message', ({ steps, profiled }: OwnReplicaRequest) => {
  compiled.profile(profiled)
  const ms: number[] = []
  for (let step = 0; step < steps; step++) {
    const begin = performance.now()
    compiled.run(inputs, outputs)
    ms.push(performance.now() - begin)
  }
  const byOp: Record<string, number> = {}
  if (profiled) for (const { op, milliseconds } of compiled.times()) byOp[op] = (byOp[op] ?? 0) + milliseconds
  compiled.profile(false)
  const lossName = program.name === 'train' ? 'loss' : 'cross_entropy.0'
  const loss = outputs[program.outputs.findIndex(({ name }) => name === lossName)] ?? Number.NaN
  const reply: OwnReplicaReply = { ms, loss, byOp }
  port.postMessage(reply)
})

function randomBytes(count: number): Uint8Array {
  const random = randomStream(1, 'perturbation', setup.place.replica)
  return Uint8Array.from({ length: count }, () => random.below(256))
}
