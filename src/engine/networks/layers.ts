import type { ComputeDType } from '../../vocabulary/dtype.ts'
import { expected, type UserFault } from '../../vocabulary/fault.ts'
import { elementCount, type Shape } from '../../vocabulary/shape.ts'
import type { GraphBuilder, Initialiser, Value, WeightGroup } from '../graph/graph-builder.ts'
import { type ActivationFunction, isRectifier, type Rectifier } from '../graph/ops/activation.ts'
import type { ConvAttributes } from '../graph/ops/convolution.ts'
import type { PoolAttributes } from '../graph/ops/pooling.ts'

/** Epsilon of every batch norm and weight of its running average: PyTorch's defaults, which the paper's code uses. */
const EPSILON = 1e-5
const RUNNING_WEIGHT = 0.1

/** A running average and the batch statistic that goes into it. */
export interface TrackedStatistic {
  readonly name: string
  readonly batch: Value
  /** n / (n - 1) for a variance (PyTorch keeps the unbiased one), 1 for a mean. */
  readonly correction: number
}

interface BatchNormOptions {
  /** Applied to the result, after the residual was added; null for none. */
  readonly activation: ActivationFunction | null
  readonly residual?: Value
}

interface LinearInitialisers {
  readonly weight?: Initialiser
  readonly bias?: Initialiser
}

/** A bias that begins at zero, as most networks but PyTorch's own layers have it. */
export const ZEROS = { draw: 'constant', value: 0 } as const satisfies Initialiser

/** torchvision's of classifiers that begin with about the same logit for each class: N(0, 0.01) and no bias. */
export const NARROW = { weight: { draw: 'normal', std: 0.01 }, bias: ZEROS } as const satisfies LinearInitialisers

/**
 * The layers of one network while it is captured. Training uses the batch's statistics and notes them for the running
 * averages; evaluation uses the running averages.
 */
export class Layers {
  readonly graph: GraphBuilder
  readonly dtype: ComputeDType
  readonly training: boolean
  readonly #isFrozen: (name: string) => boolean
  readonly statistics: TrackedStatistic[] = []
  readonly runningWeight = RUNNING_WEIGHT

  /** @param isFrozen which parameters, by their full names, stay as they are */
  constructor(
    graph: GraphBuilder,
    dtype: ComputeDType,
    training: boolean,
    isFrozen: (name: string) => boolean = () => false,
  ) {
    this.graph = graph
    this.dtype = dtype
    this.training = training
    this.#isFrozen = isFrozen
  }

  /** For a network that was trained before, inside the same program: it predicts with running averages and never changes. */
  frozen(): Layers {
    return new Layers(this.graph, this.dtype, false, () => true)
  }

  /** Convolution without bias, `<name>.weight` [out, in / groups, k, k] ~ N(0, sqrt(2 / (k k out))). x [B, in, H, W]. */
  conv(name: string, x: Value, out: number, kernel: number, geometry: Partial<ConvAttributes> = {}): Value {
    const { stride = 1, padding = (kernel - 1) / 2, groups = 1 } = geometry
    const shape = [out, (x.shape[1] ?? 0) / groups, kernel, kernel]
    return this.graph.scope(name, () => {
      const std = Math.sqrt(2 / (kernel * kernel * out))
      const master = this.#parameter('weight', shape, 'weight', { draw: 'normal', std })
      const weight = this.dtype === 'f32' ? master : this.graph.applyOne('Cast', [master], { dtype: this.dtype })
      return this.graph.applyOne('Conv2D', [x, weight], { stride, padding, groups })
    })
  }

  /** An activation function, elementwise. x [B, C, H, W] or [B, C]. */
  activation(name: string, x: Value, activation: ActivationFunction): Value {
    return this.graph.scope(name, () => this.graph.applyOne('Activation', [x], { function: activation }))
  }

  /** Batch norm over all axes but the channels, then the residual added, then the activation. x [B, C, H, W] or [B, C]. */
  batchNorm(name: string, x: Value, { activation, residual }: BatchNormOptions): Value {
    // Rectifiers are part of the op, which executors fold; other functions are ops of their own.
    const rectifier = activation !== null && isRectifier(activation) ? activation : null
    const y = this.#batchNorm(name, x, rectifier, residual)
    return activation === rectifier || activation === null ? y : this.activation(name, y, activation)
  }

  #batchNorm(name: string, x: Value, activation: Rectifier | null, residual: Value | undefined): Value {
    const shape = [x.shape[1] ?? 0]
    const attributes = { epsilon: EPSILON, activation, residual: residual !== undefined }
    const added = residual === undefined ? [] : [residual]
    return this.graph.scope(name, () => {
      // All of a batch norm is frozen, or nothing.
      const frozen = this.#isFrozen(this.graph.fullName('weight'))
      const scale = this.#parameter('weight', shape, 'weight', { draw: 'constant', value: 1 }, 'norm', frozen)
      const shift = this.#parameter('bias', shape, 'weight', { draw: 'constant', value: 0 }, 'norm', frozen)
      const mean = this.#parameter('running_mean', shape, 'statistic', { draw: 'constant', value: 0 }, null, frozen)
      const variance = this.#parameter('running_var', shape, 'statistic', { draw: 'constant', value: 1 }, null, frozen)
      if (!this.training || frozen) {
        return this.graph.applyOne('BatchNormInference', [x, scale, shift, mean, variance, ...added], attributes)
      }
      const count = elementCount(x.shape) / (x.shape[1] ?? 1)
      if (count < 2) throw tooFew(x.shape[0] ?? 0)
      const outputs = this.graph.apply('BatchNorm', [x, scale, shift, ...added], attributes)
      const [y, batchMean, batchVariance] = outputs
      if (y === undefined || batchMean === undefined || batchVariance === undefined) {
        throw new Error(`Expected three outputs of BatchNorm but received ${outputs.length}`)
      }
      const last = this.graph.parameters.slice(-2)
      this.statistics.push({ name: last[0]?.name ?? '', batch: batchMean, correction: 1 })
      this.statistics.push({ name: last[1]?.name ?? '', batch: batchVariance, correction: count / (count - 1) })
      return y
    })
  }

  /**
   * `<name>.weight` [out, in] and `<name>.bias` [out]. x f32 [B, in] -> [B, out].
   * @param initial U(+-1 / sqrt(in)), PyTorch's default, where left out
   */
  linear(name: string, x: Value, out: number, initial: LinearInitialisers = {}): Value {
    const fanIn = x.shape[1] ?? 0
    const usual = { draw: 'uniform', bound: 1 / Math.sqrt(fanIn) } as const
    return this.graph.scope(name, () => {
      const weight = this.#parameter('weight', [out, fanIn], 'weight', initial.weight ?? usual)
      const bias = this.#parameter('bias', [out], 'weight', initial.bias ?? usual, 'bias')
      return this.graph.applyOne('Linear', [x, weight, bias], {})
    })
  }

  /** Several x f32 [B, in] by the same `<name>.weight` [out, in] ~ U(+-1 / sqrt(in)), without bias -> as many [B, out]. */
  sharedLinear(name: string, inputs: readonly Value[], out: number): Value[] {
    const fanIn = inputs[0]?.shape[1] ?? 0
    const initial = { draw: 'uniform', bound: 1 / Math.sqrt(fanIn) } as const
    return this.graph.scope(name, () => {
      const weight = this.#parameter('weight', [out, fanIn], 'weight', initial)
      return this.graph.apply('SharedLinear', [weight, ...inputs], {})
    })
  }

  /** Largest element of each window. [B, C, H, W] -> [B, C, H', W']. */
  maxPool(name: string, x: Value, windows: PoolAttributes): Value {
    return this.graph.scope(name, () => this.graph.applyOne('MaxPool', [x], windows))
  }

  /** Mean of each window. [B, C, H, W] -> [B, C, H', W']. */
  averagePool(name: string, x: Value, windows: PoolAttributes): Value {
    return this.graph.scope(name, () => this.graph.applyOne('AveragePool', [x], windows))
  }

  /** Elementwise sum of two tensors of one shape. */
  add(left: Value, right: Value): Value {
    return this.graph.applyOne('Add', [left, right], {})
  }

  /** Concatenates channels. [B, C1, H, W], [B, C2, H, W], ... -> [B, C1 + C2 + ..., H, W]. */
  concat(inputs: readonly Value[]): Value {
    return this.graph.applyOne('Concat', inputs, {})
  }

  /** [B, C, H, W] -> f32 [B, C]. */
  globalAveragePool(name: string, x: Value): Value {
    return this.graph.scope(name, () => this.graph.applyOne('GlobalAveragePool', [x], {}))
  }

  #parameter(
    name: string,
    shape: Shape,
    kind: 'weight' | 'statistic',
    initial: Initialiser,
    group: WeightGroup | null = null,
    frozen = this.#isFrozen(this.graph.fullName(name)),
  ): Value {
    const ifFrozen = kind === 'weight' ? 'frozen' : 'frozen statistic'
    return this.graph.parameter(name, shape, frozen ? ifFrozen : kind, initial, group)
  }

  scope<T>(name: string, body: () => T): T {
    return this.graph.scope(name, body)
  }
}

/** The variance of one value is 0, and its unbiased one, which the running averages take, is none. */
function tooFew(images: number): UserFault {
  return expected(
    '2 or more values of each channel',
    'batch norm while it trains',
    `1, from ${images} image a replica`,
    'Use a larger --batch, or fewer replicas (--devices, --hosts).',
  )
}
