import type { StateLayout } from '../../src/engine/graph/state-layout.ts'
import { findState, viewState } from '../../src/engine/graph/state-layout.ts'
import type { Method } from '../../src/engine/methods/method.ts'
import { one } from '../../src/engine/methods/one.ts'
import { findNetwork } from '../../src/engine/networks/find-network.ts'
import { drawInitialState } from '../../src/engine/networks/initial-weights.ts'
import type { Optimizer } from '../../src/engine/optimizers/optimizer.ts'
import { sgd } from '../../src/engine/optimizers/sgd.ts'
import type { StepSpecification } from '../../src/engine/step/capture.ts'
import type { TrainingStep } from '../../src/engine/step/training-program.ts'
import type { ComputeDType } from '../../src/vocabulary/dtype.ts'
import { elementCount } from '../../src/vocabulary/shape.ts'
import { classes, normals, pixels, positives } from './random-tensors.ts'

const CLASSES = 7
const SEED = 3

/** Sizes of a small step. */
export interface SmallStep {
  readonly batch: number
  readonly dtype?: ComputeDType
  readonly block?: 'basic' | 'bottleneck'
  /** Instead of a ResNet of depth 8. */
  readonly network?: string
  readonly branches?: number
  /** Instead of ONE. */
  readonly method?: Method
  /** Instead of SGD. */
  readonly optimizer?: Optimizer
  /** Whether images are mixed: labels come with the partners'. */
  readonly mixing?: boolean
  /** Height and width of the images; the network halves them twice. */
  readonly size?: readonly [number, number]
}

/** ONE on small odd images. */
export function smallOne(small: SmallStep): StepSpecification {
  const { batch, dtype = 'f32', block = 'basic', branches = 3, size = [9, 7], network } = small
  const [height, width] = size
  return {
    network: network === undefined ? findNetwork('resnet-8', block) : findNetwork(network, 'auto'),
    method: small.method ?? one({ branches, temperature: 3 }),
    classes: CLASSES,
    batch,
    dtype,
    input: { height, width, channels: 3, mean: [0.49, 0.48, 0.45], std: [0.2, 0.19, 0.21] },
    optimizer: small.optimizer ?? sgd({ momentum: 0.9, weightDecay: 1e-2 }),
    mixing: small.mixing ?? false,
  }
}

/** Pixels and labels for its training. */
export function smallBatch(specification: StepSpecification): { images: Uint8Array; labels: Int32Array } {
  const { batch, input, mixing, method } = specification
  const views = method.views ?? 1
  return {
    images: pixels(batch * input.height * input.width * input.channels * views, SEED),
    labels: classes(mixing ? 2 * batch : batch, CLASSES, SEED),
  }
}

/**
 * Initial weights, with the optimizer's states and shifts away from zero and scales away from one, so that an operand that is left
 * out or taken twice shows.
 */
export function drawnState({ layout, parameters }: TrainingStep): SharedArrayBuffer {
  const state = new SharedArrayBuffer(layout.elements * 4)
  drawInitialState(parameters, layout, state, SEED)
  layout.tensors.forEach(({ name, role, slot, shape }, stream) => {
    const count = elementCount(shape)
    const isVector = shape.length === 1
    const noise = normals(count, SEED, stream).map((value) => 0.1 * value)
    const drawn = isVector && role !== 'optimizer' && name.endsWith('weight') ? positives(count, SEED, stream) : noise
    if (isVector || role === 'optimizer') viewState(findState(layout, name), state).set(drawn)
    const squares = positives(count, SEED, stream).map((value) => 0.01 * value)
    if (slot === 'exp_avg_sq') viewState(findState(layout, name), state).set(squares)
    if (name.endsWith('running_var')) viewState(findState(layout, name), state).set(positives(count, SEED, stream))
  })
  return state
}

/** The tensors of a state by name, copied. */
export function tensorsOf(layout: StateLayout, state: SharedArrayBuffer): Map<string, Float32Array> {
  return new Map(layout.tensors.map((tensor) => [tensor.name, Float32Array.from(viewState(tensor, state))]))
}
