import { GraphBuilder } from '../../src/engine/graph/graph-builder.ts'
import type { Program } from '../../src/engine/graph/program.ts'
import type { StateLayout } from '../../src/engine/graph/state-layout.ts'
import { layoutOf } from './run-program.ts'

/** A gradient's mean over replicas and the update that it makes: the least that two replicas compute together. */
export function smallestUpdate(): { readonly program: Program; readonly layout: StateLayout } {
  const graph = new GraphBuilder(1)
  const [x, dy] = [graph.state('x', [1, 3]), graph.state('dy', [1, 1])]
  const gradient = graph.applyOne('AllReduceMean', graph.apply('LinearBackpropWeights', [x, dy], {}).slice(0, 1), {})
  const operands = [
    graph.state('weight', [1, 3]),
    graph.state('momentum.weight', [1, 3]),
    gradient,
    graph.scalar('rate'),
  ]
  const updated = graph.apply('SgdNesterov', operands, { momentum: 0.9, weightDecay: 0 })
  const updates = ['weight', 'momentum.weight'].flatMap((name, place) => {
    const value = updated[place]
    return value === undefined ? [] : [{ name, value }]
  })
  const program = graph.finish('smallest update', [{ name: 'gradient', value: gradient }], updates)
  return { program, layout: layoutOf(program) }
}
