/** What `bench:gpu` does, what is worth most first: it may end after any part. */

import type { Baseline } from './baselines/baseline-catalogue.ts'
import type { StepTask } from './baselines/step-task.ts'
import { checkDevice, describeGpu, type PartResult, type StepPart, timeStep, train } from './gpu-parts.ts'

export interface Part {
  readonly name: string
  /** Most seconds that it takes. */
  readonly limit: number
  /** Where fewer are left it is left out. */
  readonly least: number
  run(seconds: number): Promise<PartResult>
}

export interface PlanSettings {
  readonly device: StepTask['device']
  /** Those that are here. */
  readonly baselines: readonly Baseline[]
  /** Folder of the results. */
  readonly out: string
}

const MODES = {
  bf16: { xla: 'bf16', jax: 'bf16-jit', torch: 'bf16-autocast-channels-last-compiled' },
  fp32: { xla: 'fp32', jax: 'fp32-jit', torch: 'fp32-channels-last-compiled' },
} as const
/** Seconds that a baseline takes at most: PyTorch's compiler takes a minute for ResNet-32 alone. */
const LIMITS = { xla: 60, jax: 80, torch: 100 } as const
/** Deeper networks take so many times as long to compile. */
const DEEP = 2

export function planGpu({ device, baselines, out }: PlanSettings): Part[] {
  const small = { side: 32, branches: 3, classes: 100, batch: 128, threads: 2, device }
  // To see that all of it runs: a CPU would take minutes for a step.
  const tiny = { ...small, network: 'resnet-8', batch: 16, branches: 2 }
  const onGpu = device === 'gpu'
  const resnet32: StepTask = onGpu ? { ...small, network: 'resnet-32' } : tiny
  const resnet110: StepTask = onGpu ? { ...small, network: 'resnet-110' } : tiny
  const imagenet: StepTask = onGpu
    ? { ...small, network: 'imagenet-resnet-18', side: 224, classes: 1000, batch: 256 }
    : { ...tiny, network: 'imagenet-resnet-18', side: 64, classes: 10, batch: 2 }
  const steps = (task: StepTask, precision: keyof typeof MODES, times = 1) =>
    (['xla', 'jax', 'torch'] as const).flatMap((name) => {
      const baseline = baselines.find((one) => one.name === name)
      return baseline === undefined
        ? []
        : [stepPart({ baseline, mode: MODES[precision][name], task }, LIMITS[name] * times)]
    })
  const own = baselines.find(({ name }) => name === 'xla')
  const orders = (own === undefined ? [] : ['0', 'LHS', 'CONCURRENT']).flatMap((graphs) =>
    own === undefined
      ? []
      : [
          stepPart(
            { baseline: own, mode: MODES.bf16.xla, task: resnet32, env: { NATIVE_ENSEMBLE_XLA_GRAPHS: graphs } },
            LIMITS.xla,
          ),
        ],
  )
  return [
    { name: 'the GPU', limit: 25, least: 1, run: async () => describeGpu() },
    { name: 'check of the device', limit: 75, least: 20, run: (seconds) => checkDevice(device, out, seconds) },
    ...steps(resnet32, 'bf16'),
    {
      name: `training of ${resnet32.network} with the decode pool`,
      limit: 50,
      least: 30,
      run: (seconds) => train(resnet32, seconds),
    },
    ...steps(resnet32, 'fp32'),
    ...orders,
    ...steps(resnet110, 'bf16', DEEP),
    ...steps(imagenet, 'bf16'),
  ]
}

function stepPart(part: StepPart, limit: number): Part {
  const { baseline, mode, task, env } = part
  const graphs = env?.['NATIVE_ENSEMBLE_XLA_GRAPHS']
  const name = `${baseline.name} ${mode}, ${task.network}, batch ${task.batch}${graphs === undefined ? '' : `, graphs ${graphs}`}`
  return { name, limit, least: 15, run: (seconds) => timeStep(part, seconds) }
}
