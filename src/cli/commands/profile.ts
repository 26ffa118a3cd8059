import type { RunConfig } from '../../config/run-config.ts'
import { ProgressDisplay } from '../../report/progress.ts'
import type { StepProfile } from '../../studies/step-profile.ts'
import { loadImages } from '../../train/run/load-images.ts'
import { printBytes } from '../../vocabulary/print-bytes.ts'
import { EXIT } from '../failure.ts'
import { listenForInterrupts } from '../interrupt.ts'
import { interruptedCode } from '../signals.ts'
import { textTable } from '../text-table.ts'

const LAYERS_SHOWN = 15

/** `train --profile`: where the time of the first steps goes, instead of a run. */
export async function profileTraining(config: RunConfig, json: boolean): Promise<number> {
  const images = loadImages(config)
  const { profileRun } = await import('../../studies/profile-run.ts')
  const display = new ProgressDisplay(process.stderr)
  const interruption = listenForInterrupts(display, 'finishing the step.')
  try {
    const profile = await profileRun(config, images, interruption.stop)
    if (profile === 'interrupted') return interruptedCode()
    process.stdout.write(json ? `${JSON.stringify(profile)}\n` : printProfile(config, profile))
    return EXIT.done
  } finally {
    interruption.dispose()
  }
}

function printProfile({ network, method, branches, precision }: RunConfig, profile: StepProfile): string {
  const { steps, batch, replicas, threads, by_op, by_layer } = profile
  const facts = [
    ['step, all instructions', ms(profile.step_ms)],
    ['convolutions', ms(profile.convolution_ms)],
    ['from one step to the next', ms(profile.wall_ms)],
  ]
  const ops = by_op.map(({ op, count, ms: time, share }) => [op, String(count), ms(time), percent(share)])
  const layers = by_layer
    .slice(0, LAYERS_SHOWN)
    .map(({ layer, forward_ms, backward_ms, ms: time, share }) => [
      layer,
      ms(forward_ms),
      ms(backward_ms),
      ms(time),
      percent(share),
    ])
  const each = replicas === 1 ? '1 replica' : `${replicas} replicas`
  return [
    `${network}, ${method}, ${branches === 1 ? '1 branch' : `${branches} branches`}, batch ${batch}, ${precision}; ` +
      `${each} of ${threads === 1 ? '1 thread' : `${threads} threads`}. ` +
      `Times are of one step, means over ${steps}, in the first thread of the first replica, ` +
      'with its waits for the others.',
    `${textTable(['', 'ms'], facts)}\n` +
      `${Math.round(profile.images_per_second)} images/s; convolutions are ${percent(profile.convolution_share)} % of the ` +
      `step, the step is ${profile.step_over_convolutions.toFixed(2)} x its convolutions; ` +
      `the plan holds ${printBytes(profile.plan_bytes)}.`,
    textTable(['op', 'instructions', 'ms', '%'], ops),
    `${textTable(['layer', 'forward ms', 'backward ms', 'ms', '%'], layers)}`,
    `The ${layers.length} slowest of ${by_layer.length} layers; --json has all. Nothing was written.\n`,
  ].join('\n\n')
}

const ms = (milliseconds: number) => milliseconds.toFixed(2)
const percent = (share: number) => (100 * share).toFixed(1)
