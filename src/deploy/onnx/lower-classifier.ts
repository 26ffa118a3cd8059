import type { LoweringsOf } from '../lowering/lower-nodes.ts'
import { int, type OnnxGraph } from './onnx-graph.ts'

/** Rows [B, n]: what an ensemble makes of its members' logits. */
export const CLASSIFIER_LOWERINGS: LoweringsOf<'Softmax' | 'GatedSum' | 'Average' | 'LogMeanProbability', OnnxGraph> = {
  Softmax: ({ graph, value }) => graph.node('Softmax', [value(0)], { axis: int(1) }),
  GatedSum: ({ graph, values, value }) => {
    const terms = values.slice(1).map((logits, branch) => {
      const places = [branch, branch + 1, 1].map((place) => graph.places(place))
      return graph.node('Mul', [logits, graph.node('Slice', [value(0), ...places])])
    })
    return graph.node('Sum', terms)
  },
  Average: ({ graph, values }) => graph.node('Mean', values),
  LogMeanProbability: ({ graph, values }) => {
    const logs = values.map((logits) => graph.node('LogSoftmax', [logits], { axis: int(1) }))
    const top = graph.node('Max', logs)
    const powers = logs.map((log) => graph.node('Exp', [graph.node('Sub', [log, top])]))
    return graph.node('Add', [top, logOfMean(graph, powers)])
  },
}

function logOfMean(graph: OnnxGraph, values: readonly string[]): string {
  return graph.node('Log', [graph.node('Mean', values)])
}
