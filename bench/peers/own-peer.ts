/**
 * This project's training step as a resident process: a line of JSON in, a line of JSON out (docs/peers.md). A step
 * begins at bytes of pixels and ends with updated weights; each replica is a worker thread as in training.
 */
import { once } from 'node:events'
import { extname } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import { onednnExecutor } from '../../src/executors/onednn/onednn-executor.ts'
import { one } from '../../src/methods/one.ts'
import { vanilla } from '../../src/methods/vanilla.ts'
import { findNetwork } from '../../src/networks/find-network.ts'
import { drawInitialState } from '../../src/networks/initial-weights.ts'
import { allowedCores, shareCores } from '../../src/replica/cores.ts'
import { captureTrainingStep } from '../../src/step/training-program.ts'
import type { OwnReplicaReply, OwnReplicaRequest, OwnReplicaSetup } from './own-replica.ts'

const WARM_UP_STEPS = 3
const MODES = {
  fp32: { dtype: 'f32', replicas: 1 },
  bf16: { dtype: 'bf16', replicas: 1 },
  'fp32-2-replicas': { dtype: 'f32', replicas: 2 },
  'bf16-2-replicas': { dtype: 'bf16', replicas: 2 },
} as const
type Mode = keyof typeof MODES

const { values } = parseArgs({
  options: {
    network: { type: 'string', default: 'resnet-32' },
    branches: { type: 'string', default: '3' },
    classes: { type: 'string', default: '100' },
    batch: { type: 'string', default: '128' },
    threads: { type: 'string', default: '2' },
  },
})
const [branches, classes, batch, threads] = [values.branches, values.classes, values.batch, values.threads].map(
  Number,
) as [number, number, number, number] // one number for each of the four

type Replicas = (request: OwnReplicaRequest) => Promise<OwnReplicaReply>

/** Captures and compiles the step, and starts its replicas. */
function startReplicas({ dtype, replicas }: (typeof MODES)[Mode]): Replicas {
  if (batch % replicas !== 0) throw new Error(`Expected a batch divisible by ${replicas} but received ${batch}`)
  const executor = onednnExecutor()
  const { program, layout, parameters } = captureTrainingStep({
    network: findNetwork(values.network, 'auto'),
    method: branches === 1 ? vanilla() : one({ branches, temperature: 3 }),
    classes,
    batch: batch / replicas,
    dtype,
    // CIFAR-100's own statistics would do no other work.
    input: { height: 32, width: 32, channels: 3, mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] },
    momentum: 0.9,
    weightDecay: 1e-4,
  })
  const cores = allowedCores().slice(0, threads)
  const memory = {
    state: new SharedArrayBuffer(layout.elements * 4),
    exchange: new SharedArrayBuffer(executor.exchangeBytes([program], layout, replicas, cores.length)),
  }
  drawInitialState(parameters, layout, memory.state, 0)
  const entry = new URL(`./own-replica${extname(fileURLToPath(import.meta.url))}`, import.meta.url)
  const workers = shareCores(cores, replicas).map((own, replica) => {
    const place = { replica, replicas, cores: own }
    const scalars = { learning_rate: 0.1, distillation_weight: 1 }
    const setup: OwnReplicaSetup = { program, layout, memory, place, classes, scalars }
    return new Worker(entry, { workerData: setup })
  })
  return async (request) => {
    const replies = workers.map((worker) => once(worker, 'message'))
    for (const worker of workers) worker.postMessage(request)
    // The replicas end a step together: the first one's times are the step's.
    const [[reply]] = (await Promise.all(replies)) as [[OwnReplicaReply]]
    return reply
  }
}

const started = new Map<Mode, Replicas>()

async function measure(mode: Mode, steps: number, profiled: boolean): Promise<OwnReplicaReply> {
  let replicas = started.get(mode)
  if (replicas === undefined) {
    replicas = startReplicas(MODES[mode])
    await replicas({ steps: WARM_UP_STEPS, profiled: false })
    started.set(mode, replicas)
  }
  // One step uncounted: the caches hold another peer's data.
  await replicas({ steps: 1, profiled: false })
  return replicas({ steps, profiled })
}

function isMode(name: unknown): name is Mode {
  return typeof name === 'string' && Object.hasOwn(MODES, name)
}

async function answer(request: {
  measure?: string
  profile?: string
  modes?: boolean
  steps?: number
}): Promise<object> {
  if (request.modes === true) {
    const { version, instructionSet, threading } = onednnExecutor().machine
    const versions = { node: process.versions.node, onednn: version, instructionSet, threading }
    return { modes: Object.keys(MODES), versions }
  }
  const mode = request.measure ?? request.profile
  if (!isMode(mode))
    return { error: `Expected one of ${Object.keys(MODES).join(', ')} for the mode but received ${mode}` }
  const { ms, loss, byOp } = await measure(mode, request.steps ?? 1, request.profile !== undefined)
  return { mode, ms, loss, byOp, peakRssBytes: process.resourceUsage().maxRSS * 1024 }
}

for await (const line of createInterface({ input: process.stdin })) {
  const reply = await answer(JSON.parse(line)).catch((error: unknown) => ({
    error: error instanceof Error ? error.message : String(error),
  }))
  process.stdout.write(`${JSON.stringify(reply)}\n`)
}
// Its replicas would wait for more steps for ever.
process.exit()
