import type { UpdateStep } from '../update-arithmetic.ts'
import type { NoAttributes, OpFamily } from './op-definition.ts'
import { need, sameTypes } from './shapes.ts'

export interface UpdateOps {
  /** Mean over the replicas, summed in the order of their numbers. */
  AllReduceMean: { attributes: NoAttributes; inputs: ['local']; outputs: ['mean'] }
  /**
   * Mean gradients -> each times min(1, largestNorm / (norm + 1e-6)), norm the square root of the sum of all their squares
   * (torch.nn.utils.clip_grad_norm_; Pascanu et al., arXiv:1211.5063, algorithm 1). At most one in a program.
   */
  ClipByGlobalNorm: {
    attributes: { readonly largestNorm: number }
    inputs: ['...gradients']
    outputs: ['...clipped']
  }
  /** PyTorch's SGD with nesterov=True. */
  SgdNesterov: {
    attributes: { readonly momentum: number; readonly weightDecay: number }
    inputs: ['weight', 'momentum', 'gradient', 'rate']
    outputs: ['newWeight', 'newMomentum']
  }
  /**
   * A weight, its optimizer states, its gradient, learning rate and other scalars -> new weight, new states: any optimizer's
   * update, which `steps` compute one after the other (update-arithmetic.ts); `results` are their places among operands and
   * steps. optimizer-nodes.ts tells the operands apart.
   */
  OptimizerUpdate: {
    attributes: { readonly steps: readonly UpdateStep[]; readonly results: readonly number[] }
    inputs: ['...operands']
    outputs: ['newWeight', '...newStates']
  }
  /** (1 - weight) running + weight correction batch. */
  RunningAverage: {
    attributes: { readonly weight: number; readonly correction: number }
    inputs: ['running', 'batch']
    outputs: ['updated']
  }
}

export const UPDATES: OpFamily<UpdateOps> = {
  AllReduceMean: { inputs: ['local'], outputs: ['mean'], shape: ({ input }) => [input('local')], gradient: null },
  ClipByGlobalNorm: {
    inputs: ['...gradients'],
    outputs: ['...clipped'],
    shape: ({ list }) => [...list('gradients')],
    gradient: null,
  },
  SgdNesterov: {
    inputs: ['weight', 'momentum', 'gradient', 'rate'],
    outputs: ['newWeight', 'newMomentum'],
    shape: ({ input }) => {
      need(input('rate').shape.length === 0, 'a scalar learning rate')
      const type = sameTypes([input('weight'), input('momentum'), input('gradient')])
      return [type, type]
    },
    gradient: null,
  },
  OptimizerUpdate: {
    inputs: ['...operands'],
    outputs: ['newWeight', '...newStates'],
    shape: ({ list, attributes: { results } }) => {
      const tensors = list('operands').slice(0, results.length + 1)
      const scalars = list('operands').slice(results.length + 1)
      need(tensors.length === results.length + 1, `w, ${results.length - 1} states and a gradient`)
      need(scalars.length > 0 && scalars.every(({ shape }) => shape.length === 0), 'a scalar learning rate')
      const type = sameTypes(tensors)
      return results.map(() => type)
    },
    gradient: null,
  },
  RunningAverage: {
    inputs: ['running', 'batch'],
    outputs: ['updated'],
    shape: ({ input }) => [sameTypes([input('running'), input('batch')])],
    gradient: null,
  },
}
