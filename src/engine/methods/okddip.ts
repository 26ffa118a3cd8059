import type { GraphBuilder, Value } from '../graph/graph-builder.ts'
import type { Layers } from '../networks/layers.ts'
import { classifierFeatures } from './classifier-features.ts'
import type { Method } from './method.ts'
import type { MethodDefinition } from './method-definition.ts'
import { crossEntropy, scaled, sumOfParts, sumOfScalars } from './objective-parts.ts'

/** First parts of the names of what branches and attention own. */
const BRANCHES_SCOPE = 'branches'
const ATTENTION_SCOPE = 'attention'
/** Features are compared in an eighth of their channels (the authors' code). */
const NARROWING = 8

export interface OkddipOptions {
  /** All branches, the group leader and its auxiliary peers: the paper's m. At least 3. */
  readonly branches: number
  /** Softening temperature T. */
  readonly temperature: number
  /** `none` = the paper's network-based form: each branch is a whole network. */
  readonly share?: 'low' | 'none'
}

/**
 * Online Knowledge Distillation with Diverse Peers (Chen, Mei, Wang, Feng and Chen, AAAI 2020), in two levels. Each peer learns
 * from the others by weights of its own: z~_a = sum_b alpha_ab z_b with alpha_ab = softmax_b((W_L h_a) . (W_E h_b)) of the pooled
 * features h, itself among them. The group leader, branch 0, learns from the peers' mean and is what is deployed.
 * L = sum_i CE(z_i, y) + w T^2 (sum_a KL(z~_a || z_a) + KL(mean z_a || z_leader)), w(epoch) ONE's ramp-up. As in the authors'
 * code logits are mixed, and no target is detached: the projections learn through them alone.
 */
export function okddip({ branches, temperature, share = 'low' }: OkddipOptions): Method {
  if (!Number.isInteger(branches) || branches < 3) {
    throw new RangeError(`Expected at least 3 branches for OKDDip but received ${branches}`)
  }
  return {
    name: 'okddip',
    scalars: ['distillation_weight'],
    capture: (layers, network, images, classes) => {
      const shared = share === 'low' ? network.trunk(layers, images) : null
      const logits = Array.from({ length: branches }, (_, branch) =>
        layers.scope(`${BRANCHES_SCOPE}.${branch}`, () =>
          network.branch(layers, shared ?? network.trunk(layers, images), classes),
        ),
      )
      const peers = logits.slice(1)
      const mean = layers.graph.applyOne('Average', peers, {}, 'peers')
      if (!layers.training) return { branches: logits, teacher: mean }
      return { branches: logits, teacher: mean, ownTeachers: [mean, ...attendedLogits(layers, peers)] }
    },
    objective: (graph, { branches: students, ownTeachers = [] }, targets, scalar) => {
      const divergences = students.map((student, branch) =>
        learningDivergence(graph, ownTeachers[branch], student, temperature),
      )
      const full = scaled(graph, sumOfScalars(graph, divergences), temperature ** 2)
      return sumOfParts(graph, [
        ...students.map((logits, branch) => crossEntropy(graph, logits, targets, `${branch}`)),
        {
          name: 'distillation',
          value: graph.applyOne('Multiply', [full, scalar('distillation_weight')], {}, 'loss'),
        },
      ])
    },
  }
}

/** z~_a of each peer. @param peers logits, f32 [B, classes] */
function attendedLogits(layers: Layers, peers: readonly Value[]): Value[] {
  const { graph } = layers
  const features = peers.map((logits) => classifierFeatures(graph, logits))
  const width = Math.max(1, Math.floor((features[0]?.shape[1] ?? 0) / NARROWING))
  return layers.scope(ATTENTION_SCOPE, () => {
    const queries = layers.sharedLinear('query', features, width)
    const keys = layers.sharedLinear('key', features, width)
    return queries.map((query) => {
      const weights = graph.applyOne('Softmax', [graph.applyOne('RowDots', [query, ...keys], {})], {})
      return graph.applyOne('GatedSum', [weights, ...peers], {})
    })
  })
}

/** Mean over the batch of KL(softmax(teacher / T) || softmax(student / T)), from which both learn. */
function learningDivergence(
  graph: GraphBuilder,
  teacher: Value | undefined,
  student: Value,
  temperature: number,
): Value {
  if (teacher === undefined) throw new Error('Expected a teacher for each branch of OKDDip')
  return graph.applyOne('KullbackLeibler', [teacher, student], { temperature, teacher: 'learns' }, 'loss')
}

export const OKDDIP: MethodDefinition = {
  help: 'diverse peers and the group leader that they teach (OKDDip)',
  title: (word) => `OKDDip with ${word('branches')} ${word('share') === 'none' ? 'networks' : 'branches'}`,
  reads: ['branches', 'share', 'rampUp', 'temperature'],
  // Three peers and the leader, the authors' m.
  defaults: () => ({ branches: 4 }),
  schedule: null,
  rules: [
    {
      between: ['branches'],
      find: ({ branches }) => {
        if (branches >= 3) return null
        const remedy = 'Use --branches 3 or more: a leader and peers that differ.'
        return { what: '3 or more', name: '--branches with --method okddip', received: branches, remedy }
      },
    },
  ],
  members: {
    scope: BRANCHES_SCOPE,
    names: () => ({ member: 'branch', mean: 'mean of the branches', ensemble: 'mean of the peers' }),
    deployed: 'the group leader',
    trained: 'all branches',
  },
  ensemble: 'trained',
  trainingOnly: [ATTENTION_SCOPE],
  teacher: false,
  create: okddip,
}
