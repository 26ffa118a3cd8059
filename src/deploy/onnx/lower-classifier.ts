import type { LoweringsOf } from '../lowering/lower-nodes.ts'
import { int, type OnnxGraph } from './onnx-graph.ts'

/** Rows [B, n]: what an ensemble makes of its members' logits. */
export const CLASSIFIER_LOWERINGS: LoweringsOf<'Softmax' | 'GatedSum' | 'Average' | 'LogMeanProbability', OnnxGraph> = {
  Softmax: ({ graph, value }) => graph.node('Softmax', [value('x')], { axis: int(1) }),
  GatedSum: ({ graph, list, value }) => {
    const terms = list('logits').map((logits, branch) => {
      const places = [branch, branch + 1, 1].map((place) => graph.places(place))
      return graph.node('Mul', [logits, graph.node('Slice', [value('gate'), ...places])])
    })
    return graph.node('Sum', terms)
  },
  Average: ({ graph, list }) => graph.node('Mean', list('members')),
  LogMeanProbability: ({ graph, list }) => {
    const logs = list('logits').map((logits) => graph.node('LogSoftmax', [logits], { axis: int(1) }))
    const top = graph.node('Max', logs)
    const powers = logs.map((log) => graph.node('Exp', [graph.node('Sub', [log, top])]))
    return graph.node('Add', [top, logOfMean(graph, powers)])
  },
}

function logOfMean(graph: OnnxGraph, values: readonly string[]): string {
  return graph.node('Log', [graph.node('Mean', values)])
}
