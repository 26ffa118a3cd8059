import type { GraphBuilder, Value } from '../graph/graph-builder.ts'
import type { Layers } from '../networks/layers.ts'
import type { Method } from './method.ts'
import { sumOfScalars } from './sum-of-scalars.ts'

export interface OneOptions {
  /** All branches, the target and the auxiliary ones: the paper's m + 1. At least 2. */
  readonly branches: number
  /** Softening temperature T. */
  readonly temperature: number
}

/**
 * On-the-fly Native Ensemble (Lan, Zhu and Gong, "Knowledge Distillation by On-the-Fly Native Ensemble", NeurIPS 2018).
 * The gate weighs the branches' logits into a teacher, which distils back into each branch:
 * L = sum_i CE(z_i, y) + CE(z_t, y) + w T^2 sum_i KL(p_t^T || p_i^T), equation 9 with the ramp-up w(epoch) of the
 * authors' code; no gradient flows through the teacher in the KL term.
 */
export function one({ branches, temperature }: OneOptions): Method {
  if (!Number.isInteger(branches) || branches < 2) {
    throw new RangeError(`Expected at least 2 branches for ONE but received ${branches}`)
  }
  return {
    name: 'one',
    scalars: ['distillation_weight'],
    capture: (layers, network, images, classes) => {
      const features = network.trunk(layers, images)
      const logits = Array.from({ length: branches }, (_, branch) =>
        layers.scope(`branches.${branch}`, () => network.branch(layers, features, classes)),
      )
      return { branches: logits, teacher: gatedTeacher(layers, features, logits) }
    },
    objective: (graph, predictions, labels, scalar) => {
      const { branches: students, teacher } = predictions
      if (teacher === null) throw new Error('Expected a teacher for the objective of ONE but received none')
      const crossEntropy = (logits: Value, name: string) => ({
        name: `cross_entropy.${name}`,
        value: graph.applyOne('CrossEntropy', [logits, labels], { reduction: 'mean' }, 'loss'),
      })
      const full = distillation(graph, teacher, students, temperature)
      const weighted = graph.applyOne('Multiply', [full, scalar('distillation_weight')], {}, 'loss')
      const parts = [
        ...students.map((logits, branch) => crossEntropy(logits, `${branch}`)),
        crossEntropy(teacher, 'teacher'),
        { name: 'distillation', value: weighted },
      ]
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

/** Equation 5: gate = softmax(ReLU(BN(W pool(features)))), one probability a branch; teacher = sum_i gate_i z_i. */
function gatedTeacher(layers: Layers, features: Value, logits: readonly Value[]): Value {
  return layers.scope('gate', () => {
    const pooled = layers.globalAveragePool('avgpool', features)
    const scores = layers.batchNorm('bn', layers.linear('fc', pooled, logits.length), { relu: true })
    const gate = layers.graph.applyOne('Softmax', [scores], {})
    return layers.graph.applyOne('GatedSum', [gate, ...logits], {})
  })
}

/** T^2 sum_i KL(p_t^T || p_i^T), equations 7 and 8. */
function distillation(graph: GraphBuilder, teacher: Value, students: readonly Value[], temperature: number): Value {
  const divergences = students.map((student) =>
    graph.applyOne('KullbackLeibler', [teacher, student], { temperature }, 'loss'),
  )
  return graph.applyOne('Scale', [sumOfScalars(graph, divergences)], { factor: temperature ** 2 }, 'loss')
}
