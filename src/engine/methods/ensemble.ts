import type { Network } from '../networks/network.ts'
import type { Method } from './method.ts'
import type { MethodDefinition } from './method-definition.ts'
import { crossEntropy, sumOfParts } from './objective-parts.ts'
import { capturePeers, wholeNetworkMembers } from './whole-networks.ts'

/**
 * Networks that are trained side by side and know nothing of each other; the ensemble is the mean of their probabilities.
 * They see the same batches and differ by their initial weights: the sum of their losses has the gradients of each alone.
 * @param peers at least 2 networks
 */
export function ensemble(peers: readonly Network[]): Method {
  if (peers.length < 2) throw new RangeError(`Expected at least 2 networks but received ${peers.length}`)
  return {
    name: 'ensemble',
    scalars: [],
    capture: (layers, _target, images, classes) => {
      const branches = capturePeers(layers, peers, images, classes)
      return { branches, teacher: layers.graph.applyOne('LogMeanProbability', branches, {}, 'ensemble') }
    },
    objective: (graph, { branches }, targets) =>
      sumOfParts(
        graph,
        branches.map((logits, peer) => crossEntropy(graph, logits, targets, `${peer}`)),
      ),
  }
}

export const ENSEMBLE: MethodDefinition = {
  help: 'independent networks',
  title: (word) => `ensemble of ${word('peers')}`,
  reads: ['peers'],
  defaults: () => ({ peers: '3' }),
  schedule: null,
  rules: [],
  members: wholeNetworkMembers('network'),
  ensemble: 'trained',
  trainingOnly: [],
  teacher: false,
  create: (_, others) => ensemble(others.peers()),
}
