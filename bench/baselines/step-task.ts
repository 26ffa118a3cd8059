/** What the baselines that are this project's own have in common: the task's options, its step captured. */

import { parseArgs } from 'node:util'
import { one } from '../../src/engine/methods/one.ts'
import { vanilla } from '../../src/engine/methods/vanilla.ts'
import { findNetwork } from '../../src/engine/networks/find-network.ts'
import { sgd } from '../../src/engine/optimizers/sgd.ts'
import type { StepSpecification } from '../../src/engine/step/capture.ts'
import { captureEvaluation } from '../../src/engine/step/evaluation-program.ts'
import { captureTrainingStep } from '../../src/engine/step/training-program.ts'
import { expected } from '../../src/vocabulary/fault.ts'

/** The training step that all baselines run. */
export interface StepTask {
  readonly network: string
  /** Height and width of the images. */
  readonly side: number
  readonly branches: number
  readonly classes: number
  readonly batch: number
  readonly threads: number
  readonly device: 'cpu' | 'gpu'
}

/** Values of a program's scalar inputs by name. */
export const STEP_SCALARS: Readonly<Record<string, number>> = { learning_rate: 0.1, distillation_weight: 1 }

/** The task from a baseline's own options. @throws UserFault for a number that is none */
export function readStepTask(): StepTask {
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
  const count = (name: 'side' | 'branches' | 'classes' | 'batch' | 'threads') => {
    const value = Number(values[name])
    if (Number.isSafeInteger(value) && value > 0) return value
    throw expected('a whole number from 1', `--${name}`, values[name], 'docs/baselines.md')
  }
  return {
    network: values.network,
    side: count('side'),
    branches: count('branches'),
    classes: count('classes'),
    batch: count('batch'),
    threads: count('threads'),
    device: values.device === 'gpu' ? 'gpu' : 'cpu',
  }
}

/** A mode's program for one of `replicas` that share the batch, and where its state lies. */
export function captureStep(
  { network, side, branches, classes, batch }: StepTask,
  { dtype, pass }: { readonly dtype: StepSpecification['dtype']; readonly pass: 'train' | 'evaluate' },
  replicas = 1,
) {
  const specification: StepSpecification = {
    network: findNetwork(network, 'auto'),
    method: branches === 1 ? vanilla() : one({ branches, temperature: 3 }),
    classes,
    batch: batch / replicas,
    dtype,
    // CIFAR-100's own statistics would do no other work.
    input: { height: side, width: side, channels: 3, mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] },
    optimizer: sgd({ momentum: 0.9, weightDecay: 1e-4 }),
  }
  const { program, layout, parameters } = captureTrainingStep(specification)
  return { program: pass === 'train' ? program : captureEvaluation(specification), layout, parameters }
}
