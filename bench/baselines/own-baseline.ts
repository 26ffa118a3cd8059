/**
 * This project's training step as a resident process: a line of JSON in, a line of JSON out (docs/baselines.md). A step
 * begins at bytes of pixels and ends with updated weights; each replica is a worker thread as in training.
 */
import { once } from 'node:events'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { cpuExecutor } from '../../src/engine/executors/cpu/cpu-executor.ts'
import { drawInitialState } from '../../src/engine/networks/initial-weights.ts'
import { shareCores } from '../../src/train/replicas/share-cores.ts'
import { allowedCores } from '../../src/vocabulary/allowed-cores.ts'
import type { OwnReplicaReply, OwnReplicaRequest, OwnReplicaSetup } from './own-replica.ts'
import { type BaselineRequest, serveRequests, unknownMode, WARM_UP_STEPS } from './serve-requests.ts'
import { captureStep, readStepTask, STEP_SCALARS } from './step-task.ts'

const TRAINING = { dtype: 'f32', replicas: 1, program: 'train', kernels: {} } as const
const MODES = {
  fp32: TRAINING,
  bf16: { ...TRAINING, dtype: 'bf16' },
  'fp32-2-replicas': { ...TRAINING, replicas: 2 },
  'bf16-2-replicas': { ...TRAINING, dtype: 'bf16', replicas: 2 },
  // Every convolution by oneDNN's direct kernels: what our own 3x3 ones save.
  'fp32-direct': { ...TRAINING, kernels: { ownConvolutions: false } },
  'bf16-direct': { ...TRAINING, dtype: 'bf16', kernels: { ownConvolutions: false } },
  // Every block's output kept, every concatenation copied: what saving memory costs or gains.
  'fp32-kept': { ...TRAINING, kernels: { lean: false } },
  'bf16-kept': { ...TRAINING, dtype: 'bf16', kernels: { lean: false } },
  // The pass over a test split: forward with running averages, losses and hits.
  'fp32-evaluation': { ...TRAINING, program: 'evaluate' },
  'bf16-evaluation': { ...TRAINING, dtype: 'bf16', program: 'evaluate' },
} as const
type Mode = keyof typeof MODES

const task = readStepTask()

type Replicas = (request: OwnReplicaRequest) => Promise<OwnReplicaReply>

/** Captures and compiles the step, and starts its replicas. */
function startReplicas({ dtype, replicas, program: pass, kernels }: (typeof MODES)[Mode]): Replicas {
  const { batch, classes, threads } = task
  if (batch % replicas !== 0) throw new Error(`Expected a batch divisible by ${replicas} but received ${batch}`)
  const executor = cpuExecutor(kernels)
  const { program, layout, parameters } = captureStep(task, { dtype, pass }, replicas)
  const cores = allowedCores().slice(0, threads)
  const memory = {
    state: new SharedArrayBuffer(layout.elements * 4),
    exchange: new SharedArrayBuffer(executor.exchangeBytes([program], layout, replicas)),
  }
  drawInitialState(parameters, layout, memory.state, 0)
  const entry = new URL(`./own-replica${extname(fileURLToPath(import.meta.url))}`, import.meta.url)
  const workers = shareCores(cores, replicas).map((own, replica) => {
    const place = { replica, replicas, cores: own }
    const setup: OwnReplicaSetup = { program, layout, memory, place, classes, scalars: STEP_SCALARS, kernels }
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
  // One step uncounted: the caches hold another baseline's data.
  await replicas({ steps: 1, profiled: false })
  return replicas({ steps, profiled })
}

function isMode(name: unknown): name is Mode {
  return typeof name === 'string' && Object.hasOwn(MODES, name)
}

async function answer(request: BaselineRequest): Promise<object> {
  if (request.modes === true) {
    const { version, instructionSet, threading } = cpuExecutor().machine
    const versions = { node: process.versions.node, onednn: version, instructionSet, threading }
    return { modes: Object.keys(MODES), versions }
  }
  const mode = request.measure ?? request.profile
  if (!isMode(mode)) return unknownMode(MODES, mode)
  const { ms, loss, byOp } = await measure(mode, request.steps ?? 1, request.profile !== undefined)
  return { mode, ms, loss, byOp, peakRssBytes: process.resourceUsage().maxRSS * 1024 }
}

await serveRequests(answer)
// Its replicas would wait for more steps for ever.
process.exit()
