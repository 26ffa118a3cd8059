/** Terms that the objectives of all methods are made of. */

import { LABEL_TERM, partName } from '../../vocabulary/classifiers.ts'
import type { GraphBuilder, Value } from '../graph/graph-builder.ts'
import type { Objective, Targets } from './method.ts'

type Part = Objective['parts'][number]

/**
 * CE(z, y) as the part `cross_entropy.<name>`, its mean over the batch. Of mixed images s CE(z, y) + (1 - s) CE(z, y'), which
 * is the cross entropy with the mixed classes. Both are smoothed where the targets are.
 */
export function crossEntropy(graph: GraphBuilder, logits: Value, targets: Targets, name: string): Part {
  const { labels, shares, smoothing = 0 } = targets
  const attributes = { reduction: 'mean', ...(smoothing > 0 && { smoothing }) } as const
  const own = graph.applyOne('CrossEntropy', [logits, labels], attributes, 'loss')
  if (shares === null) return { name: partName(LABEL_TERM, name), value: own }
  const partner = graph.applyOne('CrossEntropy', [logits, labels], { ...attributes, labels: 'partner' }, 'loss')
  const parts = [
    graph.applyOne('Multiply', [own, shares.own], {}, 'loss'),
    graph.applyOne('Multiply', [partner, shares.partner], {}, 'loss'),
  ]
  return { name: partName(LABEL_TERM, name), value: sumOfScalars(graph, parts) }
}

/** KL(softmax(z_teacher / T) || softmax(z_student / T)), its mean over the batch; the teacher is a constant. */
export function divergence(graph: GraphBuilder, teacher: Value, student: Value, temperature: number): Value {
  return graph.applyOne('KullbackLeibler', [teacher, student], { temperature }, 'loss')
}

/** A scalar of the objective times a constant. */
export function scaled(graph: GraphBuilder, value: Value, factor: number): Value {
  return graph.applyOne('Scale', [value], { factor }, 'loss')
}

/** The terms added from left to right. @throws Error for no terms */
export function sumOfScalars(graph: GraphBuilder, terms: readonly Value[]): Value {
  const [first, ...rest] = terms
  if (first === undefined) throw new Error('Expected at least one term for the loss but received none')
  return rest.reduce((sum, term) => graph.applyOne('Add', [sum, term], {}, 'loss'), first)
}

/** The objective that is the sum of its parts. */
export function sumOfParts(graph: GraphBuilder, parts: readonly Part[]): Objective {
  const values = parts.map(({ value }) => value)
  return { total: sumOfScalars(graph, values), parts }
}
