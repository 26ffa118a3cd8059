import type { Value } from '../graph/graph-builder.ts'
import type { Network } from '../networks/network.ts'
import type { Method } from './method.ts'
import type { MethodDefinition } from './method-definition.ts'
import { crossEntropy, divergence, scaled, sumOfParts, sumOfScalars } from './objective-parts.ts'
import { captureOfPeers, wholeNetworkMembers } from './whole-networks.ts'

/** Deep Mutual Learning compares the predictions as they are (Zhang et al., equation 5). */
const TEMPERATURE = 1

/**
 * Deep Mutual Learning (Zhang, Xiang, Hospedales and Lu, CVPR 2018): each peer learns from the labels and from the others,
 * L_k = CE(z_k, y) + 1 / (K - 1) sum_{j != k} KL(p_j || p_k), equations 4 to 8, the others' predictions constants. As one
 * step of all: their algorithm 1 updates peer after peer and predicts anew in between; here all peers move at once from
 * the same predictions.
 * @param peers at least 2 networks, the target first
 */
export function dml(peers: readonly Network[]): Method {
  return {
    name: 'dml',
    scalars: [],
    capture: captureOfPeers(peers),
    objective: (graph, { branches }, targets) => {
      const towards = (student: Value) => branches.filter((other) => other !== student)
      const divergences = branches.flatMap((student) =>
        towards(student).map((other) => divergence(graph, other, student, TEMPERATURE)),
      )
      const distillation = scaled(graph, sumOfScalars(graph, divergences), 1 / (branches.length - 1))
      return sumOfParts(graph, [
        ...branches.map((logits, peer) => crossEntropy(graph, logits, targets, `${peer}`)),
        { name: 'distillation', value: distillation },
      ])
    },
  }
}

export const DML: MethodDefinition = {
  help: 'peers that teach each other',
  title: (word) => `DML of ${word('peers')}`,
  rowTitle: (word) => `DML, peers ${word('peers')}`,
  reads: ['peers'],
  defaults: () => ({ peers: '2' }),
  schedule: null,
  rules: [],
  members: wholeNetworkMembers('peer'),
  ensemble: 'none',
  trainingOnly: [],
  teacher: false,
  create: (_, others) => dml(others.peers()),
}
