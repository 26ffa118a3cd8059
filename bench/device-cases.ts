/** What `check:device` tries on a device, each thing against oneDNN on the CPU: a step of ONE, then every operation. */
import { type CpuExecutor, cpuExecutor } from '../src/engine/executors/cpu/cpu-executor.ts'
import { type OpenClient, openClient, type XlaDevices } from '../src/engine/executors/xla/open-client.ts'
import { CAPTURED, type XlaOptions } from '../src/engine/executors/xla/platform-choices.ts'
import { xlaExecutor } from '../src/engine/executors/xla/xla-executor.ts'
import { captureTrainingStep } from '../src/engine/step/training-program.ts'
import type { ComputeDType } from '../src/vocabulary/dtype.ts'
import { differences, distanceOfScale } from '../test/support/compare-tensors.ts'
import { captureOpCase, OP_CASES, type OpCase } from '../test/support/op-cases.ts'
import { type ProgramInputs, runProgram } from '../test/support/run-program.ts'
import { drawnState, smallBatch, smallOne, tensorsOf } from '../test/support/small-steps.ts'
import type { AttemptLog } from './attempt-log.ts'

/** f32 is multiplied in f32 here (`precision: 'highest'`); each bf16 value is rounded once on either side. */
const OP_TOLERANCES = {
  cpu: { f32: { relative: 1e-5, scale: 1e-5 }, bf16: { relative: 2 ** -7, scale: 1e-5 } },
  gpu: { f32: { relative: 1e-4, scale: 1e-4 }, bf16: { relative: 2 ** -6, scale: 2 ** -8 } },
} as const
/** Of a convolution whose factors are rounded to 10 bits. */
const TF32_TOLERANCE = { relative: 2 ** -9, scale: 2 ** -9 } as const
/** Of a gradient's scale over a small network in f32; in TF32 and bf16 rounding errors grow too much to be judged by them. */
const GRADIENT_TOLERANCE = { cpu: 5e-5, gpu: 2e-3 } as const
/** Of the loss, in any precision. */
const LOSS_TOLERANCE = 0.02
/** The gate's bias goes into a batch norm: its gradient is zero but for rounding. */
const VANISHING = 'gradient.gate.fc.bias'

interface Devices {
  readonly opened: OpenClient
  readonly devices: XlaDevices
  readonly onednn: CpuExecutor
}

/** Whole steps first, in pieces, then as graphs: where the first fails nothing else is worth the time. */
const STEPS = [
  { name: 'step f32 in f32, in pieces', dtype: 'f32', options: { captured: null, precision: 'highest' }, judged: true },
  { name: 'step f32, in pieces', dtype: 'f32', options: { captured: null }, judged: false },
  { name: 'step f32 in f32, a graph LHS', dtype: 'f32', options: graph('LHS', 'highest'), judged: true },
  { name: 'step f32 in f32, a graph CONCURRENT', dtype: 'f32', options: graph('CONCURRENT', 'highest'), judged: true },
  { name: 'step bf16, in pieces', dtype: 'bf16', options: { captured: null }, judged: false },
  { name: 'step bf16, a graph CONCURRENT', dtype: 'bf16', options: graph('CONCURRENT', 'default'), judged: false },
] as const satisfies readonly { name: string; dtype: ComputeDType; options: XlaOptions; judged: boolean }[]

function graph(order: string, precision: 'default' | 'highest'): XlaOptions {
  return { captured: CAPTURED, orders: [order], precision }
}

/**
 * @param stride of the operations behind the first of each kind: 1 = all
 * @throws Error where the device cannot go on in this process
 */
export function tryAll(log: AttemptLog, devices: XlaDevices, stride: number): void {
  let opened: OpenClient | null = null
  const open = () => {
    opened ??= openClient(devices)
    return opened
  }
  const onednn = cpuExecutor({ ownConvolutions: false })
  // Named by the process: each one that goes on opens a client of its own.
  const first = log.attempt(`client of process ${process.pid}`, () => {
    const { facts, warning } = open()
    return { facts, warning }
  })
  if (first !== null) return
  const attempt = (name: string, work: () => Readonly<Record<string, unknown>>) => {
    const error = log.attempt(name, work)
    // After one of these the driver refuses all that this process asks of it.
    if (error !== null && /CUDA_ERROR_(?!OUT_OF_MEMORY)/.test(error)) throw new Error(`${name}: ${error}`)
  }
  const here = (): Devices => ({ opened: open(), devices, onednn })
  for (const step of STEPS) {
    attempt(step.name, () => tryStep(here(), step))
  }
  const cases = OP_CASES.flatMap((opCase) => opCase.precisions.map((dtype) => ({ opCase, dtype })))
  const isFirst = ({ opCase, dtype }: (typeof cases)[number], place: number) =>
    cases.findIndex((other) => other.opCase.op === opCase.op && other.dtype === dtype) === place
  const ofEachKind = cases.filter(isFirst)
  const rest = cases.filter((one, place) => !isFirst(one, place)).filter((_, place) => place % stride === 0)
  const [convolution] = OP_CASES.filter(({ op }) => op === 'Conv2D')
  if (convolution !== undefined) {
    attempt(`${convolution.name}, f32 as the device does it`, () => tryOp(here(), convolution, 'f32', 'default'))
  }
  for (const { opCase, dtype } of [...ofEachKind, ...rest]) {
    attempt(`${opCase.name}, ${dtype}`, () => tryOp(here(), opCase, dtype, 'highest'))
  }
}

/** `faults` is empty where it is near enough; `furthest` are the worst gradients, by their scale. */
function tryStep({ opened, devices, onednn }: Devices, { dtype, options, judged }: (typeof STEPS)[number]) {
  const xla = xlaExecutor(devices, { excessPrecision: false, ...options }, opened)
  const specification = { ...smallOne({ batch: 16, size: [16, 16] }), dtype }
  const step = captureTrainingStep(specification, { gradients: true })
  const state = tensorsOf(step.layout, drawnState(step))
  const inputs = { ...smallBatch(specification), layout: step.layout, state, scalars: [0.1, 0.6] }
  const wanted = runProgram(onednn, step.program, inputs).outputs
  const actual = runProgram(xla, step.program, inputs).outputs
  const again = runProgram(xla, step.program, inputs).outputs
  const apart = [...wanted]
    .flatMap(([name, elements]) =>
      name === VANISHING ? [] : [{ name, ofScale: distanceOfScale(actual.get(name) ?? [], elements) }],
    )
    .toSorted((left, right) => right.ofScale - left.ofScale)
  const repeats = [...actual].every(([name, elements]) =>
    elements.every((value, place) => Object.is(value, again.get(name)?.[place])),
  )
  const [loss = Number.NaN, right = Number.NaN] = [actual.get('loss')?.[0], wanted.get('loss')?.[0]]
  const limit = judged ? GRADIENT_TOLERANCE[devices.platform] : Number.POSITIVE_INFINITY
  const faults = [
    ...apart
      .filter(({ ofScale }) => !(ofScale <= limit))
      .map(({ name, ofScale }) => `${name}: ${ofScale} of its scale`),
    ...(Math.abs(loss - right) <= LOSS_TOLERANCE * Math.abs(right) ? [] : [`loss: ${loss}, not ${right}`]),
    ...(repeats ? [] : ['a second run gives other bits']),
  ]
  return { faults, furthest: apart.slice(0, 3), loss: [loss, right] }
}

function tryOp(
  { opened, devices, onednn }: Devices,
  opCase: OpCase,
  dtype: ComputeDType,
  precision: 'default' | 'highest',
) {
  // Without graphs nothing is compiled twice.
  const xla = xlaExecutor(devices, { excessPrecision: false, captured: null, precision }, opened)
  const program = captureOpCase(opCase, dtype)
  const inputs: ProgramInputs = {
    state: opCase.state(program),
    ...(opCase.labels === null ? {} : { labels: opCase.labels }),
    ...(opCase.images === null ? {} : { images: opCase.images }),
  }
  const wanted = runProgram(onednn, program, inputs).outputs
  const actual = runProgram(xla, program, inputs).outputs
  const own = OP_TOLERANCES[devices.platform][dtype]
  const tolerance = precision === 'default' && devices.platform === 'gpu' ? TF32_TOLERANCE : own
  const distances = [...wanted].map(([name, elements]) => distanceOfScale(actual.get(name) ?? [], elements))
  // Of what is all zeros there is no scale.
  const furthest = Math.max(0, ...distances.filter((distance) => !Number.isNaN(distance)))
  return { faults: differences(actual, wanted, tolerance), furthest }
}
