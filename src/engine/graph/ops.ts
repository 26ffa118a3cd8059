import type { DType } from '../../vocabulary/dtype.ts'
import type { Shape } from '../../vocabulary/shape.ts'
import type { UpdateStep } from './update-arithmetic.ts'

/** Shape and element type of a value of the graph. */
export interface TensorType {
  readonly shape: Shape
  readonly dtype: DType
}

/** Geometry of a 2-D convolution; stride and zero padding are equal in both directions. */
export interface ConvAttributes {
  readonly stride: number
  readonly padding: number
  readonly groups: number
}

/** Square windows of a pooling; stride and padding are equal in both directions, sizes are rounded down as in PyTorch. */
export interface PoolAttributes {
  readonly kernel: number
  readonly stride: number
  /** At most half the kernel, so that each window holds a pixel. */
  readonly padding: number
}

/**
 * Activation functions: relu max(x, 0), relu6 min(max(x, 0), 6), silu x sigmoid(x) (Elfwing, Uchibe and Doya, 2017), as
 * torch.nn.functional has them.
 */
export const ACTIVATIONS = ['relu', 'relu6', 'silu'] as const
export type ActivationFunction = (typeof ACTIVATIONS)[number]

/** Functions whose slope is 0 or 1 and follows from their result: their gradient needs no x, and batch norm takes them up. */
const RECTIFIERS = ['relu', 'relu6'] as const satisfies readonly ActivationFunction[]
export type Rectifier = (typeof RECTIFIERS)[number]

export function isRectifier(activation: ActivationFunction): activation is Rectifier {
  const rectifiers: readonly ActivationFunction[] = RECTIFIERS
  return rectifiers.includes(activation)
}

export interface BatchNormAttributes {
  readonly epsilon: number
  /** Applied to the result, after the residual was added. */
  readonly activation: Rectifier | null
  /** Whether a tensor of the result's shape is added before the activation. */
  readonly residual: boolean
}

/**
 * The closed list of operations with their attributes. Every meaning (shape, gradient, FLOPs, executors) is a table over
 * it, so a new row here makes the compiler name each table that lacks one. Names follow TensorFlow.js kernels where they
 * coincide. B = batch, C = channels, H, W = height, width, K = classes, m = branches.
 */
export interface OpAttributes {
  /** A scalar f32. */
  Constant: { readonly value: number }
  /** u8 pixels [B, H, W, C] -> (x / 255 - mean) / std as [B, C, H, W]. */
  Normalise: { readonly mean: readonly number[]; readonly std: readonly number[]; readonly dtype: 'f32' | 'bf16' }
  /** Same elements in another precision. */
  Cast: { readonly dtype: 'f32' | 'bf16' }
  /** x [B, C, H, W], w [O, C / groups, k, k] -> [B, O, H', W']. */
  Conv2D: ConvAttributes
  /** dy, w -> dx. */
  Conv2DBackpropInput: ConvAttributes & { readonly inputShape: Shape }
  /** x, dy -> dw in f32. */
  Conv2DBackpropFilter: ConvAttributes & { readonly filterShape: Shape }
  /** x [B, C, ...], scale [C], shift [C] (, residual) -> y, mean [C], variance [C] (biased) over batch and space. */
  BatchNorm: BatchNormAttributes
  /** dy, x, y, scale, mean, variance -> dx, dscale, dshift (, dresidual). */
  BatchNormGrad: BatchNormAttributes
  /** x, scale, shift, running mean, running variance (, residual) -> y. */
  BatchNormInference: BatchNormAttributes
  /** Elementwise sum of two tensors of one type. */
  Add: Record<never, never>
  /** x -> function(x), elementwise. */
  Activation: { readonly function: ActivationFunction }
  /** dy, y (of rectifiers) or x -> dx. */
  ActivationGrad: { readonly function: ActivationFunction }
  /** Product of two scalars. */
  Multiply: Record<never, never>
  /** Scalar times a constant. */
  Scale: { readonly factor: number }
  /** [B, C, H, W] -> largest element of each window [B, C, H', W']; padding never wins. */
  MaxPool: PoolAttributes
  /** dy, x -> dx: each dy goes to the first of its window's largest elements, row by row. */
  MaxPoolGrad: PoolAttributes
  /** [B, C, H, W] -> mean of each window [B, C, H', W']; padding counts as zeros. */
  AveragePool: PoolAttributes
  /** dy -> dx. */
  AveragePoolGrad: PoolAttributes & { readonly inputShape: Shape }
  /** [B, C1, H, W], [B, C2, H, W], ... -> [B, C1 + C2 + ..., H, W]. */
  Concat: Record<never, never>
  /** [B, C, H, W] -> its `channels` channels from `start` on. */
  SliceChannels: { readonly start: number; readonly channels: number }
  /** [B, C, H, W] -> f32 [B, C]. */
  GlobalAveragePool: Record<never, never>
  /** dy f32 [B, C] -> [B, C, H, W]. */
  GlobalAveragePoolGrad: { readonly inputShape: Shape; readonly dtype: 'f32' | 'bf16' }
  /** x [B, in], w [out, in], bias [out] -> [B, out]. */
  Linear: Record<never, never>
  /** dy [B, out], w -> dx [B, in]. */
  LinearBackpropInput: Record<never, never>
  /** x [B, in], dy [B, out] -> dw [out, in], dbias [out]. */
  LinearBackpropWeights: Record<never, never>
  /** Over the last axis of [B, n]. */
  Softmax: Record<never, never>
  /** dy, y -> dx. */
  SoftmaxGrad: Record<never, never>
  /** gate [B, m], m logits [B, K] -> teacher logits sum_i g_i z_i (ONE, equation 3). */
  GatedSum: Record<never, never>
  /** dteacher, gate, m logits -> dgate, m dlogits. */
  GatedSumGrad: Record<never, never>
  /** Tensors of one type f32 [B, n] -> their mean, summed in their order. */
  Average: Record<never, never>
  /** dy -> dx = dy / count, the gradient of each of the averaged. */
  AverageGrad: { readonly count: number }
  /** Logits of several classifiers [B, K] -> log of the mean of their probabilities; its softmax is that mean. */
  LogMeanProbability: Record<never, never>
  /**
   * logits [B, K], labels [B] or [2, B] -> scalar; rows of label -1 add nothing, the mean divides by B all the same. Of two
   * labels an image, its own and its partner's, `labels` says which (default: its own).
   */
  CrossEntropy: { readonly reduction: 'mean' | 'sum'; readonly labels?: 'partner' }
  /** dloss, logits, labels -> dlogits. */
  CrossEntropyGrad: { readonly reduction: 'mean' | 'sum'; readonly labels?: 'partner' }
  /** teacher logits, student logits -> mean over the batch of KL(softmax(teacher / T) || softmax(student / T)). */
  KullbackLeibler: { readonly temperature: number }
  /** dloss, teacher logits, student logits -> dstudent; the teacher is a constant here (ONE detaches it). */
  KullbackLeiblerGrad: { readonly temperature: number }
  /** logits [B, K], labels [B] or [2, B] -> rows whose own label is among the k largest logits; ties count for the lower class. */
  TopKCorrect: { readonly k: number }
  /** Mean over the replicas, summed in the order of their numbers. */
  AllReduceMean: Record<never, never>
  /** w, momentum buffer, gradient, learning rate -> new w, new buffer (PyTorch's SGD with nesterov=True). */
  SgdNesterov: { readonly momentum: number; readonly weightDecay: number }
  /**
   * w, its optimizer states, gradient, learning rate and other scalars -> new w, new states: any optimizer's update, which
   * `steps` compute one after the other (update-arithmetic.ts); `results` are their places among operands and steps.
   */
  OptimizerUpdate: { readonly steps: readonly UpdateStep[]; readonly results: readonly number[] }
  /** running, batch statistic -> (1 - weight) running + weight correction batch. */
  RunningAverage: { readonly weight: number; readonly correction: number }
}

export type OpName = keyof OpAttributes
