import type { GraphBuilder, Value } from '../graph/graph-builder.ts'

/** The terms added from left to right. @throws Error for no terms */
export function sumOfScalars(graph: GraphBuilder, terms: readonly Value[]): Value {
  const [first, ...rest] = terms
  if (first === undefined) throw new Error('Expected at least one term for the loss but received none')
  return rest.reduce((sum, term) => graph.applyOne('Add', [sum, term], {}, 'loss'), first)
}
