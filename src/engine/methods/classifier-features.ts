import { expected } from '../../vocabulary/fault.ts'
import type { GraphBuilder, Value } from '../graph/graph-builder.ts'

/**
 * What a classifier's last layer sees: the pooled features, f32 [B, C], from which a linear layer made the logits.
 * @throws UserFault for a network that ends otherwise
 */
export function classifierFeatures(graph: GraphBuilder, logits: Value): Value {
  const last = graph.nodes.find(({ outputs }) => outputs.includes(logits.id))
  const features = last?.op === 'Linear' ? last.inputs[0] : undefined
  if (features === undefined) {
    const remedy = 'This method compares the features that this layer sees: use another network or method.'
    throw expected('a linear layer', 'the last layer of the network', last?.op ?? 'none', remedy)
  }
  return graph.value(features)
}
