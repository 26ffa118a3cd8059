import { elementCount } from '../../vocabulary/shape.ts'
import type { OpName, TensorType } from './ops.ts'
import { type Program, type ProgramNode, typeOf } from './program.ts'

/** Multiply-adds of an op; 0 for what the literature does not count (elementwise, pooling, normalisation). */
type FlopRule = (inputs: readonly TensorType[], outputs: readonly TensorType[]) => number

/** Multiply-adds of a convolution from the type of its result and of its filter [O, C / groups, k, k]. */
function convolution(result: TensorType | undefined, filter: TensorType | undefined): number {
  return elementCount(result?.shape ?? [0]) * elementCount(filter?.shape.slice(1) ?? [0])
}

/** Multiply-adds of [B, in] x [out, in]. */
function linear(rows: TensorType | undefined, weights: TensorType | undefined): number {
  return (rows?.shape[0] ?? 0) * elementCount(weights?.shape ?? [0])
}

const free: FlopRule = () => 0

const MULTIPLY_ADDS: { readonly [N in OpName]: FlopRule } = {
  Constant: free,
  Normalise: free,
  Cast: free,
  Conv2D: ([, w], [y]) => convolution(y, w),
  Conv2DBackpropInput: ([dy, w]) => convolution(dy, w),
  Conv2DBackpropFilter: ([, dy], [dw]) => convolution(dy, dw),
  BatchNorm: free,
  BatchNormGrad: free,
  BatchNormInference: free,
  Add: free,
  Activation: free,
  ActivationGrad: free,
  Multiply: free,
  Scale: free,
  MaxPool: free,
  MaxPoolGrad: free,
  AveragePool: free,
  AveragePoolGrad: free,
  Concat: free,
  SliceChannels: free,
  GlobalAveragePool: free,
  GlobalAveragePoolGrad: free,
  Linear: ([x, w]) => linear(x, w),
  LinearBackpropInput: ([dy, w]) => linear(dy, w),
  LinearBackpropWeights: ([x], [dw]) => linear(x, dw),
  Softmax: free,
  SoftmaxGrad: free,
  GatedSum: free,
  GatedSumGrad: free,
  Average: free,
  AverageGrad: free,
  LogMeanProbability: free,
  CrossEntropy: free,
  CrossEntropyGrad: free,
  KullbackLeibler: free,
  KullbackLeiblerGrad: free,
  TopKCorrect: free,
  AllReduceMean: free,
  SgdNesterov: free,
  OptimizerUpdate: free,
  RunningAverage: free,
}

/** FLOPs of one node as the paper counts them: 2 x multiply-adds of convolutions and linear layers. */
export function nodeFlops(program: Program, node: ProgramNode): number {
  const types = (ids: readonly number[]) => ids.map((id) => typeOf(program, id))
  return 2 * MULTIPLY_ADDS[node.op](types(node.inputs), types(node.outputs))
}

/** FLOPs of one image's forward pass (ONE, section 4: "FLOPs" of a network are 2 x multiply-adds). */
export function forwardFlopsPerImage(program: Program): number {
  const forward = program.nodes.filter((node) => node.phase === 'forward')
  return forward.reduce((sum, node) => sum + nodeFlops(program, node), 0) / program.batch
}
