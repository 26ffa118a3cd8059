import type { OpName } from '../../graph/ops.ts'
import { ACTIVATION_KERNELS } from './activation-kernels.ts'
import { BATCH_NORM_KERNELS } from './batch-norm-kernels.ts'
import { CHANNEL_KERNELS } from './channels-kernels.ts'
import { CLASSIFIER_KERNELS } from './classifier-kernels.ts'
import { CONVOLUTION_KERNELS } from './convolution-kernels.ts'
import { DISTILLATION_KERNELS } from './distillation-kernels.ts'
import { ELEMENTWISE_KERNELS } from './elementwise-kernels.ts'
import type { Kernel, KernelsOf } from './kernel.ts'
import { LOSS_KERNELS } from './losses-kernels.ts'
import { POOLING_KERNELS } from './pooling-kernels.ts'
import { UPDATE_KERNELS } from './updates-kernels.ts'

/** What each operation of the graph is in TensorFlow.js. */
const KERNELS = {
  ...ACTIVATION_KERNELS,
  ...DISTILLATION_KERNELS,
  ...ELEMENTWISE_KERNELS,
  ...CONVOLUTION_KERNELS,
  ...BATCH_NORM_KERNELS,
  ...CLASSIFIER_KERNELS,
  ...LOSS_KERNELS,
  ...POOLING_KERNELS,
  ...CHANNEL_KERNELS,
  ...UPDATE_KERNELS,
} satisfies KernelsOf<OpName>

/** The kernel of an operation, to be called with a node of that operation. */
export function kernelOf<N extends OpName>(op: N): Kernel<N> {
  const kernels: KernelsOf<OpName> = KERNELS
  return kernels[op]
}
