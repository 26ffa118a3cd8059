import type { GraphBuilder, Value } from '../graph/graph-builder.ts'
import type { Layers } from '../networks/layers.ts'
import type { Method } from './method.ts'
import type { MethodDefinition } from './method-definition.ts'
import { crossEntropy, divergence, scaled, sumOfParts, sumOfScalars } from './objective-parts.ts'

/** First parts of the names of what branches and gate own. */
const BRANCHES_SCOPE = 'branches'
const GATE_SCOPE = 'gate'

/** What ONE is made with. */
export interface OneOptions {
  /** All branches, the target and the auxiliary ones: the paper's m + 1. At least 2. */
  readonly branches: number
  /** Softening temperature T. */
  readonly temperature: number
  /** `off` = without online distillation: branches and teacher learn by their cross entropies alone. */
  readonly distill?: 'on' | 'off'
  /** `none` = without sharing layers: each branch is a whole network, `branches.<i>.` its prefix. */
  readonly share?: 'low' | 'none'
  /** `average` = without gating: the teacher is the mean of the logits. */
  readonly gate?: 'learned' | 'average'
}

/**
 * On-the-fly Native Ensemble (Lan, Zhu and Gong, "Knowledge Distillation by On-the-Fly Native Ensemble", NeurIPS 2018).
 * The gate weighs the branches' logits into a teacher, which distils back into each branch:
 * L = sum_i CE(z_i, y) + CE(z_t, y) + w T^2 sum_i KL(p_t^T || p_i^T), equation 6 with the ramp-up w(epoch) of the
 * authors' code; no gradient flows through the teacher in the KL term. The options take away what its table 5 takes away.
 */
export function one({ branches, temperature, distill = 'on', share = 'low', gate = 'learned' }: OneOptions): Method {
  if (!Number.isInteger(branches) || branches < 2) {
    throw new RangeError(`Expected at least 2 branches for ONE but received ${branches}`)
  }
  return {
    name: 'one',
    scalars: distill === 'on' ? ['distillation_weight'] : [],
    capture: (layers, network, images, classes) => {
      const shared = share === 'low' ? network.trunk(layers, images) : null
      const captured = Array.from({ length: branches }, (_, branch) =>
        layers.scope(`${BRANCHES_SCOPE}.${branch}`, () => {
          const features = shared ?? network.trunk(layers, images)
          return { features, logits: network.branch(layers, features, classes) }
        }),
      )
      const logits = captured.map((branch) => branch.logits)
      if (gate === 'average') return { branches: logits, teacher: layers.graph.applyOne('Average', logits, {}, 'gate') }
      const features = shared === null ? captured.map((branch) => branch.features) : [shared]
      return { branches: logits, teacher: gatedTeacher(layers, features, logits) }
    },
    objective: (graph, { branches: students, teacher }, targets, scalar) => {
      if (teacher === null) throw new Error('Expected a teacher for the objective of ONE but received none')
      const distillationParts = () => {
        const full = distillation(graph, teacher, students, temperature)
        const value = graph.applyOne('Multiply', [full, scalar('distillation_weight')], {}, 'loss')
        return [{ name: 'distillation', value }]
      }
      const distilled = distill === 'on' ? distillationParts() : []
      return sumOfParts(graph, [
        ...students.map((logits, branch) => crossEntropy(graph, logits, targets, `${branch}`)),
        crossEntropy(graph, teacher, targets, 'teacher'),
        ...distilled,
      ])
    },
  }
}

/**
 * Equation 3: gate = softmax(ReLU(BN(W pool(features)))), one probability a branch; teacher = sum_i gate_i z_i.
 * @param features what the branches share; where they share nothing, each branch's own at the same place, and the gate
 *   sees the mean of their pools
 */
function gatedTeacher(layers: Layers, features: readonly Value[], logits: readonly Value[]): Value {
  return layers.scope(GATE_SCOPE, () => {
    const pools = features.map((own) => layers.globalAveragePool('avgpool', own))
    const [only, ...others] = pools
    const pooled = only !== undefined && others.length === 0 ? only : layers.graph.applyOne('Average', pools, {})
    const scores = layers.batchNorm('bn', layers.linear('fc', pooled, logits.length), { activation: 'relu' })
    const gate = layers.graph.applyOne('Softmax', [scores], {})
    return layers.graph.applyOne('GatedSum', [gate, ...logits], {})
  })
}

/** T^2 sum_i KL(p_t^T || p_i^T), equation 5. */
function distillation(graph: GraphBuilder, teacher: Value, students: readonly Value[], temperature: number): Value {
  const divergences = students.map((student) => divergence(graph, teacher, student, temperature))
  return scaled(graph, sumOfScalars(graph, divergences), temperature ** 2)
}

const FLAGS = { rampUp: '--ramp-up', temperature: '--temperature' } as const

export const ONE: MethodDefinition = {
  help: 'On-the-fly Native Ensemble',
  title: (word) => `ONE with ${word('branches')} branches`,
  rowTitle: (word) =>
    [
      `ONE with ${word('branches')} branches`,
      ...(word('distill') === 'off' ? ['without distillation'] : []),
      ...(word('share') === 'none' ? ['without sharing'] : []),
      ...(word('gate') === 'average' ? ['without gating'] : []),
    ].join(' '),
  reads: ['branches', 'distill', 'share', 'gate', 'rampUp', 'temperature'],
  // The paper's m = 2 auxiliary branches and the target.
  defaults: () => ({ branches: 3 }),
  schedule: null,
  rules: [
    {
      between: ['distill'],
      find({ distill }, given) {
        const read = (['rampUp', 'temperature'] as const).find((key) => given.has(key))
        if (distill === 'on' || read === undefined) return null
        const remedy = `Leave ${FLAGS[read]} out: nothing is distilled.`
        return { what: '--distill on', name: FLAGS[read], received: '--distill off', remedy }
      },
    },
  ],
  members: {
    scope: BRANCHES_SCOPE,
    names: (word) => ({
      member: 'branch',
      mean: 'mean of the branches',
      ensemble: word('gate') === 'average' ? 'average of the branches (ONE-E)' : 'gated teacher (ONE-E)',
    }),
    deployed: 'one branch',
    trained: 'all branches',
  },
  ensemble: 'trained',
  trainingOnly: [GATE_SCOPE],
  teacher: false,
  create: one,
}
