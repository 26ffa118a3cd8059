import type { ComputeDType } from '../../vocabulary/dtype.ts'
import type { GraphBuilder, WeightGroup } from '../graph/graph-builder.ts'
import type { Method, Predictions } from '../methods/method.ts'
import { Layers } from '../networks/layers.ts'
import type { Network } from '../networks/network.ts'
import type { Optimizer } from '../optimizers/optimizer.ts'

/** What predictions are captured from. */
export interface PredictionSpecification {
  readonly network: Network
  readonly method: Method
  readonly classes: number
  /** Images that one replica takes at a time. */
  readonly batch: number
  readonly dtype: ComputeDType
  /** Network input, and channel statistics of pixels scaled to 0..1. */
  readonly input: {
    readonly height: number
    readonly width: number
    readonly channels: number
    readonly mean: readonly number[]
    readonly std: readonly number[]
  }
}

/** What a step is captured from. */
export interface StepSpecification extends PredictionSpecification {
  /** Whether another image is mixed into each in training (default: no): labels then come with those of the partners. */
  readonly mixing?: boolean
  /** Label smoothing of the objective's cross entropies (default: 0). */
  readonly smoothing?: number
  readonly optimizer: Optimizer
  /** Whether a parameter stays as it is (default: none does). */
  readonly isFrozen?: (name: string) => boolean
  /** Factor of the learning rate of a parameter (default: 1). */
  readonly rateFactor?: (name: string) => number
  /** Largest norm of all mean gradients together; they are scaled down to it (default: as they are). */
  readonly clipNorm?: number
  /** Groups of weights with an optimizer of their own, which has the states and scalars of the other. */
  readonly apart?: { readonly groups: readonly WeightGroup[]; readonly optimizer: Optimizer }
}

/** Pixels -> predictions, the part that training and evaluation share. */
export function capturePredictions(
  graph: GraphBuilder,
  specification: PredictionSpecification & Pick<StepSpecification, 'isFrozen'>,
  training: boolean,
): { layers: Layers; predictions: Predictions } {
  const { network, method, classes, dtype, input, isFrozen } = specification
  const layers = new Layers(graph, dtype, training, isFrozen)
  const { views = 1 } = method
  const ofEachView = (values: readonly number[]) => Array.from({ length: views }, () => values).flat()
  const pixels = graph.images(input.height, input.width, views * input.channels)
  const statistics = { mean: ofEachView(input.mean), std: ofEachView(input.std) }
  const images = graph.applyOne('Normalise', [pixels], { ...statistics, dtype }, 'input')
  return { layers, predictions: method.capture(layers, network, images, classes) }
}
