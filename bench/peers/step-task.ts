/** What the peers that are this project's own have in common: the task's options, its step captured, the dialogue. */
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { one } from '../../src/methods/one.ts'
import { vanilla } from '../../src/methods/vanilla.ts'
import { findNetwork } from '../../src/networks/find-network.ts'
import type { StepSpecification } from '../../src/step/capture.ts'
import { captureEvaluation } from '../../src/step/evaluation-program.ts'
import { captureTrainingStep } from '../../src/step/training-program.ts'
import { expected } from '../../src/vocabulary/fault.ts'

/** The training step that all peers run. */
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

/** Steps that a mode runs before it is measured first. */
export const WARM_UP_STEPS = 3
/** Values of a program's scalar inputs by name. */
export const STEP_SCALARS: Readonly<Record<string, number>> = { learning_rate: 0.1, distillation_weight: 1 }

/** The task from a peer's own options. @throws UserFault for a number that is none */
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
    throw expected('a whole number from 1', `--${name}`, values[name], 'docs/peers.md')
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
    momentum: 0.9,
    weightDecay: 1e-4,
  }
  const { program, layout, parameters } = captureTrainingStep(specification)
  return { program: pass === 'train' ? program : captureEvaluation(specification), layout, parameters }
}

/** A request of docs/peers.md. */
export interface PeerRequest {
  readonly measure?: string
  readonly profile?: string
  readonly modes?: boolean
  readonly steps?: number
}

/** Answers each line of standard input by one of standard output until the input ends; a failure is an answer too. */
export async function serveRequests(answer: (request: PeerRequest) => object | Promise<object>): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    let reply: object
    try {
      reply = await answer(JSON.parse(line))
    } catch (error) {
      reply = { error: error instanceof Error ? error.message : String(error) }
    }
    process.stdout.write(`${JSON.stringify(reply)}\n`)
  }
}

/** The reply to a mode that there is not. */
export function unknownMode(modes: object, mode: string | undefined): object {
  return { error: `Expected one of ${Object.keys(modes).join(', ')} for the mode but received ${mode}` }
}
