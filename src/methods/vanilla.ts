import type { Method } from './method.ts'
import { sumOfScalars } from './sum-of-scalars.ts'

/** Cross entropy alone: the baseline of every table. */
export function vanilla(): Method {
  return {
    name: 'vanilla',
    scalars: [],
    capture: (layers, network, images, classes) => ({
      branches: [network.branch(layers, network.trunk(layers, images), classes)],
      teacher: null,
    }),
    objective: (graph, { branches }, labels) => {
      const parts = branches.map((logits, branch) => ({
        name: `cross_entropy.${branch}`,
        value: graph.applyOne('CrossEntropy', [logits, labels], { reduction: 'mean' }, 'loss'),
      }))
      return {
        total: sumOfScalars(
          graph,
          parts.map(({ value }) => value),
        ),
        parts,
      }
    },
  }
}
