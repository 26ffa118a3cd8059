import type { Tensor } from '@tensorflow/tfjs-core'
import type { NamedValues } from '../../graph/ops/operand-names.ts'
import type { OpAttributes, OpInputs, OpName } from '../../graph/ops.ts'

/**
 * One node while it runs. Values of rank 4 are stored with their second axis last: activations [B, C, H, W] as
 * [B, H, W, C], filters [O, I, k, k] as [O, k, k, I]; see stored-layout.ts.
 */
export interface KernelCall<N extends OpName> extends NamedValues<OpInputs<N>, Tensor> {
  readonly attributes: OpAttributes[N]
  /** Mean of a tensor over the replicas; waits for them. */
  allReduceMean(local: Tensor): Tensor
}

/**
 * Computes a node's outputs in f32 (the executor rounds those that are bf16). Runs inside `tf.tidy`, which frees what it
 * does not return; an input that is handed on is cloned, as each value is disposed on its own.
 */
export type Kernel<N extends OpName> = (call: KernelCall<N>) => Tensor[]

/** Kernels of some operations. */
export type KernelsOf<N extends OpName> = { readonly [Op in N]: Kernel<Op> }
