import type { LoweringsOf } from '../lowering/lower-nodes.ts'
import type { GraphDef } from './graph-def.ts'

/** Rows [B, n]: what an ensemble makes of its members' logits. */
export const CLASSIFIER_LOWERINGS: LoweringsOf<'Softmax' | 'GatedSum' | 'Average' | 'LogMeanProbability', GraphDef> = {
  Softmax: ({ graph, value }) => graph.node('Softmax', [value('x')]),
  GatedSum: ({ graph, list, value }) => {
    const terms = list('logits').map((logits, branch) => {
      const share = graph.node('Slice', [value('gate'), graph.places([0, branch]), graph.places([-1, 1])])
      return graph.node('Mul', [logits, share])
    })
    return sum(graph, terms)
  },
  Average: ({ graph, list }) => mean(graph, list('members')),
  LogMeanProbability: ({ graph, list }) => {
    const logs = list('logits').map((logits) => graph.node('LogSoftmax', [logits]))
    const top = logs.reduce((largest, log) => graph.node('Maximum', [largest, log]))
    const powers = logs.map((log) => graph.node('Exp', [graph.node('Sub', [log, top])]))
    return graph.node('AddV2', [top, graph.node('Log', [mean(graph, powers)])])
  },
}

function sum(graph: GraphDef, values: readonly string[]): string {
  return graph.node('AddN', values, { N: { i: String(values.length) } })
}

function mean(graph: GraphDef, values: readonly string[]): string {
  return graph.node('RealDiv', [sum(graph, values), graph.numbers([values.length])])
}
