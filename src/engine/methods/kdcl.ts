import type { Network } from '../networks/network.ts'
import type { Method } from './method.ts'
import type { MethodDefinition } from './method-definition.ts'
import { crossEntropy, divergence, scaled, sumOfParts, sumOfScalars } from './objective-parts.ts'
import { capturePeers, viewOf, wholeNetworkMembers } from './whole-networks.ts'

export interface KdclOptions {
  /** Softening temperature T. */
  readonly temperature: number
  /** How the students' logits make the target. */
  readonly kdclTarget: 'naive' | 'min-logit'
}

/**
 * Knowledge Distillation via Collaborative Learning (Guo et al., "Online Knowledge Distillation via Collaborative Learning",
 * CVPR 2020): whole networks, each of which sees a view of its own of every image, learn from one target that is made of their
 * logits, L = sum_i CE(z_i, y) + T^2 sum_i KL(z_t || z_i) with its lambda = 1; the target is a constant.
 * `naive`: the logits of the student whose cross entropy is least; `min-logit`: z_t = min_i (z_i - z_i[y]).
 * @param peers at least 2 networks, the target first
 */
export function kdcl(peers: readonly Network[], { temperature, kdclTarget }: KdclOptions): Method {
  if (peers.length < 2) throw new RangeError(`Expected at least 2 students but received ${peers.length}`)
  const views = peers.length
  return {
    name: 'kdcl',
    scalars: [],
    views,
    capture: (layers, _target, images, classes) => {
      const branches = capturePeers(layers, peers, (peer) => viewOf(layers, images, peer, views), classes)
      return { branches, teacher: null }
    },
    objective: (graph, { branches }, targets) => {
      const inputs = [targets.labels, ...branches]
      const target = graph.applyOne('CollaborativeTarget', inputs, { rule: kdclTarget }, 'target')
      const divergences = branches.map((student) => divergence(graph, target, student, temperature))
      return sumOfParts(graph, [
        ...branches.map((logits, peer) => crossEntropy(graph, logits, targets, `${peer}`)),
        { name: 'distillation', value: scaled(graph, sumOfScalars(graph, divergences), temperature ** 2) },
      ])
    },
  }
}

export const KDCL: MethodDefinition = {
  help: 'networks that see an image each in their own way and learn from the best of their logits (KDCL)',
  title: (word) => `KDCL-${word('kdclTarget')} of ${word('peers')}`,
  reads: ['peers', 'temperature', 'kdclTarget'],
  defaults: () => ({ peers: '2', temperature: 2, kdclTarget: 'min-logit' }),
  schedule: null,
  rules: [],
  members: wholeNetworkMembers('peer'),
  ensemble: 'none',
  trainingOnly: [],
  teacher: false,
  create: ({ temperature, kdclTarget }, others) => kdcl(others.peers(), { temperature, kdclTarget }),
}
