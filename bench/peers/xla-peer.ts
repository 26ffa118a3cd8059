/**
 * This project's training step on the XLA executor as a resident process: a line of JSON in, a line of JSON out
 * (docs/peers.md). Steps are queued on the device as in training, so a step's time is that of several over their number.
 */
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { openClient } from '../../src/executors/xla/open-client.ts'
import { xlaExecutor } from '../../src/executors/xla/xla-executor.ts'
import { typeOf } from '../../src/graph/program.ts'
import { one } from '../../src/methods/one.ts'
import { vanilla } from '../../src/methods/vanilla.ts'
import { findNetwork } from '../../src/networks/find-network.ts'
import { drawInitialState } from '../../src/networks/initial-weights.ts'
import { captureEvaluation } from '../../src/step/evaluation-program.ts'
import { captureTrainingStep } from '../../src/step/training-program.ts'
import { randomStream } from '../../src/vocabulary/random.ts'
import { elementCount } from '../../src/vocabulary/shape.ts'

const WARM_UP_STEPS = 3
const MODES = {
  fp32: { dtype: 'f32', pass: 'train' },
  bf16: { dtype: 'bf16', pass: 'train' },
  'fp32-evaluation': { dtype: 'f32', pass: 'evaluate' },
  'bf16-evaluation': { dtype: 'bf16', pass: 'evaluate' },
} as const
type Mode = keyof typeof MODES

const { values } = parseArgs({
  options: {
    network: { type: 'string', default: 'resnet-32' },
    side: { type: 'string', default: '32' },
    branches: { type: 'string', default: '3' },
    classes: { type: 'string', default: '100' },
    batch: { type: 'string', default: '128' },
    threads: { type: 'string', default: '2' },
    device: { type: 'string', default: 'cpu' },
  },
})
const [batch, classes, branches, side] = [values.batch, values.classes, values.branches, values.side].map(Number)
if (batch === undefined || classes === undefined || branches === undefined || side === undefined) process.exit(2)

const gpu = values.device === 'gpu'
const devices = { platform: gpu ? 'gpu' : 'cpu', devices: gpu ? [0] : 1, plugin: null } as const

interface Stepper {
  /** Starts as many steps one after the other and waits for all. @returns the last one's first output */
  run(steps: number): number
}

/** Captures and compiles the step. */
function compile(mode: Mode): Stepper {
  const { dtype, pass } = MODES[mode]
  const specification = {
    network: findNetwork(values.network, 'auto'),
    method: branches === 1 ? vanilla() : one({ branches: branches ?? 3, temperature: 3 }),
    classes: classes ?? 0,
    batch: batch ?? 0,
    dtype,
    // CIFAR-100's own statistics would do no other work.
    input: { height: side ?? 0, width: side ?? 0, channels: 3, mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] },
    momentum: 0.9,
    weightDecay: 1e-4,
  }
  const { program: training, layout, parameters } = captureTrainingStep(specification)
  const program = pass === 'train' ? training : captureEvaluation(specification)
  const executor = xlaExecutor(devices)
  const memory = {
    state: new SharedArrayBuffer(layout.elements * 4),
    exchange: new SharedArrayBuffer(executor.exchangeBytes([program], layout, 1, 1)),
  }
  drawInitialState(parameters, layout, memory.state, 0)
  const compiled = executor.compile(program, layout, memory, { replica: 0, replicas: 1, cores: [0] })
  const random = randomStream(1, 'perturbation', 0)
  const scalars = { learning_rate: 0.1, distillation_weight: 1 }
  const inputs = {
    images: Uint8Array.from({ length: specification.batch * 3 * (side ?? 0) ** 2 }, () => random.below(256)),
    labels: Int32Array.from({ length: program.batch }, (_, row) => (row * 7) % specification.classes),
    scalars: Float32Array.from(program.scalars, ({ name }) => scalars[name as keyof typeof scalars]),
  }
  const elements = program.outputs.reduce((sum, { value }) => sum + elementCount(typeOf(program, value).shape), 0)
  return {
    run: (steps) => {
      const outputs = new Float32Array(elements)
      const ahead = executor.stepsAhead ?? 1
      const pending: { finish(): void }[] = []
      for (let step = 0; step < steps; step++) {
        pending.push(compiled.start(inputs, outputs))
        if (pending.length >= ahead) pending.shift()?.finish()
      }
      for (const { finish } of pending) finish()
      return outputs[0] ?? Number.NaN
    },
  }
}

const compiled = new Map<Mode, Stepper>()

function isMode(name: unknown): name is Mode {
  return typeof name === 'string' && Object.hasOwn(MODES, name)
}

function answer(request: { measure?: string; modes?: boolean; steps?: number }): object {
  if (request.modes === true) {
    const { facts } = openClient(devices)
    const kinds = facts.devices.map(({ kind }) => kind).join(', ')
    return { modes: Object.keys(MODES), versions: { pjrt: `0.${facts.minor}`, platform: facts.platformVersion, kinds } }
  }
  const { measure: mode, steps = 1 } = request
  if (!isMode(mode)) {
    return { error: `Expected one of ${Object.keys(MODES).join(', ')} for the mode but received ${mode}` }
  }
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
  return { mode, ms: Array.from({ length: steps }, () => ms), loss, peakRssBytes }
}

for await (const line of createInterface({ input: process.stdin })) {
  let reply: object
  try {
    reply = answer(JSON.parse(line))
  } catch (error) {
    reply = { error: error instanceof Error ? error.message : String(error) }
  }
  process.stdout.write(`${JSON.stringify(reply)}\n`)
}
