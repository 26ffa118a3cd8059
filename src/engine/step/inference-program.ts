import { nameClassifiers } from '../../vocabulary/classifiers.ts'
import { checkProgram } from '../graph/check-program.ts'
import { removeDeadNodes } from '../graph/dead-code.ts'
import { GraphBuilder } from '../graph/graph-builder.ts'
import type { Program } from '../graph/program.ts'
import { capturePredictions, type PredictionSpecification } from './capture.ts'

/** Name of the one output of an inference program. */
export const LOGITS = 'logits'

/**
 * Captures the forward pass of one classifier with running averages: pixels u8 [B, H, W, C] in, `logits` f32 [B, classes]
 * out. What only other classifiers or training need is not in it.
 * @param classifier which, by its name in nameClassifiers
 */
export function captureInference(specification: PredictionSpecification, classifier: string): Program {
  const graph = new GraphBuilder(specification.batch)
  const { predictions } = capturePredictions(graph, specification, false)
  const known = nameClassifiers(predictions)
  const found = known.find(({ name }) => name === classifier)
  if (found === undefined) {
    throw new Error(`Expected one of ${known.map(({ name }) => name).join(', ')} but received ${classifier}`)
  }
  const program = removeDeadNodes(graph.finish('predict', [{ name: LOGITS, value: found.of }]))
  checkProgram(program)
  return program
}
