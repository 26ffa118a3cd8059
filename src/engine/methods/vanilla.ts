import type { Method } from './method.ts'
import type { MethodDefinition } from './method-definition.ts'
import { crossEntropy, sumOfParts } from './objective-parts.ts'
import { ONE_PLAIN_NETWORK } from './whole-networks.ts'

/** Cross entropy alone: the baseline of every table. */
export function vanilla(): Method {
  return {
    name: 'vanilla',
    scalars: [],
    capture: (layers, network, images, classes) => ({
      branches: [network.branch(layers, network.trunk(layers, images), classes)],
      teacher: null,
    }),
    objective: (graph, { branches }, targets) =>
      sumOfParts(
        graph,
        branches.map((logits, branch) => crossEntropy(graph, logits, targets, `${branch}`)),
      ),
  }
}

export const VANILLA: MethodDefinition = {
  help: 'the plain network',
  title: () => 'vanilla',
  reads: [],
  defaults: () => ({}),
  schedule: null,
  rules: [],
  members: ONE_PLAIN_NETWORK,
  ensemble: 'none',
  trainingOnly: [],
  teacher: false,
  create: vanilla,
}
