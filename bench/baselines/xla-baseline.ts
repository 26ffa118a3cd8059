/**
 * This project's training step on the XLA executor as a resident process: a line of JSON in, a line of JSON out
 * (docs/baselines.md). Steps are queued on the device as in training, so a step's time is that of several over their number.
 */

import type { PendingRun } from '../../src/engine/executors/executor.ts'
import { type OpenClient, openClient } from '../../src/engine/executors/xla/open-client.ts'
import { xlaExecutor } from '../../src/engine/executors/xla/xla-executor.ts'
import { drawInitialState } from '../../src/engine/networks/initial-weights.ts'
import { randomStream } from '../../src/vocabulary/random.ts'
import { type BaselineRequest, serveRequests, unknownMode, WARM_UP_STEPS } from './serve-requests.ts'
import { captureStep, readStepTask, STEP_SCALARS } from './step-task.ts'

const MODES = {
  fp32: { dtype: 'f32', pass: 'train' },
  bf16: { dtype: 'bf16', pass: 'train' },
  'fp32-evaluation': { dtype: 'f32', pass: 'evaluate' },
  'bf16-evaluation': { dtype: 'bf16', pass: 'evaluate' },
} as const
type Mode = keyof typeof MODES

const task = readStepTask()
const gpu = task.device === 'gpu'
const devices = { platform: gpu ? 'gpu' : 'cpu', devices: gpu ? [0] : 1, plugin: null } as const

/** One client for all modes. */
let opened: OpenClient | null = null
const open = (): OpenClient => {
  opened ??= openClient(devices)
  return opened
}

interface Stepper {
  /** Starts as many steps one after the other and waits for all. @returns the last one's first output */
  run(steps: number): number
  /** How its steps were launched last. */
  remark(): string
}

/** Captures and compiles the step. */
function compile(mode: Mode): Stepper {
  const { program, layout, parameters } = captureStep(task, MODES[mode])
  const executor = xlaExecutor(devices, {}, open())
  const memory = {
    state: new SharedArrayBuffer(layout.elements * 4),
    exchange: new SharedArrayBuffer(executor.exchangeBytes([program], layout, 1)),
  }
  drawInitialState(parameters, layout, memory.state, 0)
  const compiled = executor.compile(program, layout, memory, { replica: 0, replicas: 1, cores: [0] })
  const random = randomStream(1, 'perturbation', 0)
  const inputs = {
    images: Uint8Array.from({ length: task.batch * 3 * task.side ** 2 }, () => random.below(256)),
    labels: Int32Array.from({ length: program.batch }, (_, row) => (row * 7) % task.classes),
    scalars: Float32Array.from(program.scalars, ({ name }) => STEP_SCALARS[name] ?? Number.NaN),
  }
  let hostMilliseconds = Number.NaN
  return {
    remark: () => `launched ${compiled.launched}, ${hostMilliseconds.toPrecision(2)} ms of the host a start`,
    run: (steps) => {
      // As a replica: the device has a few steps at a time, and the last one's outputs are fetched.
      const ahead = executor.stepsAhead ?? 1
      const pending: PendingRun[] = []
      let starting = 0
      for (let step = 0; step < steps; step++) {
        if (pending.length >= ahead) pending.shift()?.waitUntilEnded()
        const begin = performance.now()
        pending.push(compiled.start(inputs))
        starting += performance.now() - begin
      }
      for (const run of pending) run.waitUntilEnded()
      hostMilliseconds = starting / steps
      return pending.at(-1)?.outputs()[0] ?? Number.NaN
    },
  }
}

const compiled = new Map<Mode, Stepper>()

function isMode(name: unknown): name is Mode {
  return typeof name === 'string' && Object.hasOwn(MODES, name)
}

function answer(request: BaselineRequest): object {
  if (request.modes === true) {
    const { facts } = open()
    const kinds = facts.devices.map(({ kind }) => kind).join(', ')
    return { modes: Object.keys(MODES), versions: { pjrt: `0.${facts.minor}`, platform: facts.platformVersion, kinds } }
  }
  const { measure: mode, steps = 1 } = request
  if (!isMode(mode)) return unknownMode(MODES, mode)
  let stepper = compiled.get(mode)
  if (stepper === undefined) {
    stepper = compile(mode)
    stepper.run(WARM_UP_STEPS)
    compiled.set(mode, stepper)
  }
  stepper.run(1)
  const begin = performance.now()
  const loss = stepper.run(steps)
  const ms = (performance.now() - begin) / steps
  const peakRssBytes = process.resourceUsage().maxRSS * 1024
  return { mode, ms: Array.from({ length: steps }, () => ms), loss, peakRssBytes, remark: stepper.remark() }
}

await serveRequests(answer)
