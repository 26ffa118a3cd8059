/**
 * `npm run check:device [-- gpu]`: every operation and its gradient, then a whole step of ONE, on a device of XLA against
 * oneDNN on the CPU. Prints the worst of each kind and ends with exit code 1 where one is too far away.
 */
import { parseArgs } from 'node:util'
import { onednnExecutor } from '../src/executors/onednn/onednn-executor.ts'
import type { XlaPlatform } from '../src/executors/xla/find-plugin.ts'
import { openClient } from '../src/executors/xla/open-client.ts'
import { xlaExecutor } from '../src/executors/xla/xla-executor.ts'
import { captureTrainingStep } from '../src/step/training-program.ts'
import { expected } from '../src/vocabulary/fault.ts'
import { differences, distanceOfScale } from '../test/support/compare-tensors.ts'
import { captureOpCase, OP_CASES } from '../test/support/op-cases.ts'
import { runProgram } from '../test/support/run-program.ts'
import { drawnState, smallBatch, smallOne, tensorsOf } from '../test/support/small-steps.ts'
import { tellUsageFault } from './usage-fault.ts'

/**
 * GPUs multiply f32 matrices of convolutions in TF32 (10 bits) by default, as in PyTorch and JAX; each rounds to bf16 once.
 */
const TOLERANCES = {
  cpu: { f32: { relative: 1e-5, scale: 1e-5 }, bf16: { relative: 2 ** -7, scale: 1e-5 } },
  gpu: { f32: { relative: 2 ** -9, scale: 2 ** -9 }, bf16: { relative: 2 ** -6, scale: 2 ** -8 } },
} as const
/** Of a gradient's scale, over a whole small network. */
const STEP_TOLERANCE = { cpu: 5e-5, gpu: 0.02 } as const
/** The gate's bias goes into a batch norm: its gradient is zero but for rounding. */
const VANISHING = 'gradient.gate.fc.bias'

/** @throws UserFault for a word that is no platform */
function readPlatform(): XlaPlatform {
  const [word = 'cpu', ...more] = parseArgs({ allowPositionals: true }).positionals
  if ((word !== 'cpu' && word !== 'gpu') || more.length > 0) {
    throw expected('cpu or gpu', 'the device', [word, ...more].join(' '), 'Correct it: npm run check:device -- gpu')
  }
  return word
}

function main(): boolean {
  const platform = readPlatform()
  const devices = { platform, devices: platform === 'gpu' ? [0] : 1, plugin: null } as const
  const { facts } = openClient(devices)
  console.log(
    `${facts.devices.map(({ kind }) => kind).join(', ')}; PJRT API 0.${facts.minor}, ${facts.platformVersion}`,
  )
  const [xla, onednn] = [xlaExecutor(devices, { excessPrecision: false }), onednnExecutor({ winograd: false })]
  let faults = 0
  let compared = 0
  for (const opCase of OP_CASES) {
    for (const dtype of opCase.precisions.filter((kind) => kind === 'f32' || onednn.machine.bf16)) {
      const program = captureOpCase(opCase, dtype)
      const inputs = {
        state: opCase.state(program),
        ...(opCase.labels === null ? {} : { labels: opCase.labels }),
        ...(opCase.images === null ? {} : { images: opCase.images }),
      }
      const wanted = runProgram(onednn, program, inputs).outputs
      const found = differences(runProgram(xla, program, inputs).outputs, wanted, TOLERANCES[platform][dtype])
      for (const words of found) console.log(`${opCase.name}, ${dtype}: ${words}`)
      faults += found.length
      compared++
    }
  }
  console.log(`${compared} operations compared, ${faults} results too far away`)

  const specification = smallOne({ batch: 16, size: [16, 16] })
  const step = captureTrainingStep(specification, { gradients: true })
  const state = tensorsOf(step.layout, drawnState(step))
  const inputs = { ...smallBatch(specification), layout: step.layout, state, scalars: [0.1, 0.6] }
  const wanted = runProgram(onednn, step.program, inputs).outputs
  const actual = runProgram(xla, step.program, inputs).outputs
  const apart = [...wanted].flatMap(([name, elements]) =>
    name === VANISHING ? [] : [{ name, distance: distanceOfScale(actual.get(name) ?? [], elements) }],
  )
  const worst = apart.reduce((most, next) => (next.distance > most.distance ? next : most))
  console.log(`a step of ONE: furthest is ${worst.name}, ${worst.distance.toExponential(1)} of its scale`)
  return faults === 0 && worst.distance <= STEP_TOLERANCE[platform]
}

try {
  process.exitCode = main() ? 0 : 1
} catch (error) {
  tellUsageFault(error)
}
