import type { Method } from './method.ts'
import { crossEntropy, sumOfParts } from './objective-parts.ts'

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
