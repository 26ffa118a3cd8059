import type { TensorType } from '../../graph/ops/op-definition.ts'
import type { NamedValues } from '../../graph/ops/operand-names.ts'
import type { OpAttributes, OpInputs, OpName } from '../../graph/ops.ts'
import type { Hlo, HloFunction } from './stablehlo.ts'

/** One node while it is written. Values of rank 4 are stored with their second axis last (stored-layout.ts). */
export interface LoweredCall<N extends OpName> extends NamedValues<OpInputs<N>, Hlo> {
  readonly hlo: HloFunction
  readonly attributes: OpAttributes[N]
  /** As `input`, in f32. */
  readonly wide: NamedValues<OpInputs<N>, Hlo>['input']
  /** Logical types of the outputs. */
  readonly outputs: readonly TensorType[]
  /** What the device does best. */
  readonly target: LoweringTarget
}

/** What the text is written for. */
export interface LoweringTarget {
  readonly replicas: number
  /**
   * Whether gradients of bf16 filters are summed up into f32; else into bf16 and widened, which is what the libraries of
   * GPUs have kernels for (and what PyTorch's autocast and JAX do).
   */
  readonly wideFilterGradients: boolean
  /**
   * Whether two sums over the same pixels are one operation. XLA on GPUs writes a kernel for each operation; on CPUs it sums
   * one value after the other where there are two, which is less exact.
   */
  readonly jointSums: boolean
  /** Whether convolutions of f32 multiply in f32; else in what the device does fastest, on GPUs TF32. */
  readonly fullPrecision: boolean
  /** Whether the gradient of max pooling is gathered by each pixel instead of scattered by each window. */
  readonly gatherFromWindows: boolean
  /**
   * Whether bf16 copies of weights stay on the device beside the weights, made by the update, instead of being made anew by
   * each run: XLA on GPUs writes a kernel for each.
   */
  readonly keepRounded: boolean
}

/** Writes a node; its outputs may be wider than the node's types, which the caller rounds them to. */
export type OpLowering<N extends OpName> = (call: LoweredCall<N>) => Hlo[]

/** Lowerings of some operations. */
export type LoweringsOf<N extends OpName> = { readonly [Op in N]: OpLowering<Op> }
