import { type ClOptions, collaborativeObjective } from './cl.ts'
import type { Method } from './method.ts'
import type { MethodDefinition } from './method-definition.ts'

/** First part of the names of what heads own. */
const BRANCHES_SCOPE = 'branches'

export interface ClIlrOptions extends ClOptions {
  /** All heads, the paper's H. At least 2. */
  readonly branches: number
}

/**
 * Collaborative Learning with intermediate-level representation sharing (Song and Chai, "Collaborative Learning for Deep Neural
 * Networks", NeurIPS 2018): the objective of cl.ts, for heads that share all layers before the network's cut (its simple ILR
 * sharing: one place where heads part). Backpropagation rescaling divides the gradient there by the number of heads, so that
 * the shared layers learn at the rate of one.
 */
export function clIlr({ branches, alpha, temperature }: ClIlrOptions): Method {
  if (!Number.isInteger(branches) || branches < 2) {
    throw new RangeError(`Expected at least 2 heads for CL-ILR but received ${branches}`)
  }
  return {
    name: 'cl-ilr',
    scalars: [],
    capture: (layers, network, images, classes) => {
      const shared = layers.graph.scaleGradient(network.trunk(layers, images), 1 / branches)
      const logits = Array.from({ length: branches }, (_, branch) =>
        layers.scope(`${BRANCHES_SCOPE}.${branch}`, () => network.branch(layers, shared, classes)),
      )
      return { branches: logits, teacher: null }
    },
    objective: collaborativeObjective({ alpha, temperature }),
  }
}

export const CL_ILR: MethodDefinition = {
  help: 'heads on shared layers that learn from the consensus of the others',
  title: (word) => `CL-ILR with ${word('branches')} heads`,
  reads: ['branches', 'alpha', 'temperature'],
  // As in public implementations of the paper: four heads, beta 0.5, T 2.
  defaults: () => ({ branches: 4, alpha: 0.5, temperature: 2 }),
  schedule: null,
  rules: [],
  members: {
    scope: BRANCHES_SCOPE,
    names: () => ({ member: 'head', mean: 'mean of the heads', ensemble: 'ensemble' }),
    deployed: 'one head',
    trained: 'all heads',
  },
  ensemble: 'none',
  trainingOnly: [],
  teacher: false,
  create: clIlr,
}
