import type { Optimizer } from './optimizer.ts'

/** SGD with Nesterov momentum, as torch.optim.SGD with nesterov=True; weight decay is an L2 penalty. */
export function sgd(settings: { readonly momentum: number; readonly weightDecay: number }): Optimizer {
  const { momentum, weightDecay } = settings
  return {
    states: ['momentum'],
    scalars: {},
    update: (graph, { name, weight, states, gradient, scalars }) =>
      graph.apply('SgdNesterov', [weight, ...states, gradient, ...scalars], { momentum, weightDecay }, name),
  }
}
