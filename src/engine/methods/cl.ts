import type { Value } from '../graph/graph-builder.ts'
import type { Network } from '../networks/network.ts'
import type { Method } from './method.ts'
import type { MethodDefinition } from './method-definition.ts'
import { crossEntropy, divergence, scaled, sumOfParts, sumOfScalars } from './objective-parts.ts'
import { captureOfPeers, wholeNetworkMembers } from './whole-networks.ts'

export interface ClOptions {
  /** Weight of the distillation term, that of the cross entropy is 1 - alpha: the paper's beta is 1 - alpha. */
  readonly alpha: number
  /** Softening temperature T. */
  readonly temperature: number
}

/**
 * Collaborative Learning (Song and Chai, "Collaborative Learning for Deep Neural Networks", NeurIPS 2018), its pattern of
 * several instances of the network: each learns from the labels and from the consensus of the others,
 * L_h = (1 - alpha) CE(z_h, y) + alpha T^2 KL(softmax(mean_{j != h} z_j / T) || softmax(z_h / T)), a constant towards the
 * others. The pattern whose heads share layers is cl-ilr.ts.
 * @param peers at least 2 networks, the target first
 */
export function cl(peers: readonly Network[], { alpha, temperature }: ClOptions): Method {
  return {
    name: 'cl',
    scalars: [],
    capture: captureOfPeers(peers),
    objective: collaborativeObjective({ alpha, temperature }),
  }
}

/** What members minimise together that learn from the consensus of the others, with and without shared layers. */
export function collaborativeObjective({ alpha, temperature }: ClOptions): Method['objective'] {
  return (graph, { branches }, targets) => {
    const consensusFor = (student: Value): Value => {
      const others = branches.filter((other) => other !== student)
      const [only, ...more] = others
      return only !== undefined && more.length === 0 ? only : graph.applyOne('Average', others, {}, 'consensus')
    }
    const divergences = branches.map((student) => divergence(graph, consensusFor(student), student, temperature))
    const distillation = scaled(graph, sumOfScalars(graph, divergences), alpha * temperature ** 2)
    return sumOfParts(graph, [
      ...branches.map((logits, peer) => {
        const { name, value } = crossEntropy(graph, logits, targets, `${peer}`)
        return { name, value: scaled(graph, value, 1 - alpha) }
      }),
      { name: 'distillation', value: distillation },
    ])
  }
}

export const CL: MethodDefinition = {
  help: 'peers that learn from the consensus of the others',
  title: (word) => `CL of ${word('peers')}`,
  rowTitle: (word) => `CL, peers ${word('peers')}`,
  reads: ['peers', 'alpha', 'temperature'],
  // As in public implementations of the paper: four heads, beta 0.5, T 2.
  defaults: () => ({ peers: '4', alpha: 0.5, temperature: 2 }),
  schedule: null,
  rules: [],
  members: wholeNetworkMembers('peer'),
  ensemble: 'none',
  trainingOnly: [],
  teacher: false,
  create: ({ alpha, temperature }, others) => cl(others.peers(), { alpha, temperature }),
}
