import { LABEL_TERM, nameClassifiers, partName } from '../../vocabulary/classifiers.ts'
import { checkProgram } from '../graph/check-program.ts'
import { GraphBuilder, type Parameter } from '../graph/graph-builder.ts'
import type { Program } from '../graph/program.ts'
import { capturePredictions, type StepSpecification } from './capture.ts'

/** Classes that the second count looks at (top-5 error); fewer where there are not as many classes. */
const TOP_COUNT = 5

/**
 * Captures the forward pass with running averages. For each branch and the teacher its outputs are the sums over the
 * batch of `cross_entropy.<name>` and the hits `top1.<name>`, `top5.<name>`; rows of label -1 count nowhere.
 * @param logits whether `logits.<name>` [B, classes] are outputs too
 */
export function captureEvaluation(specification: StepSpecification, { logits = false } = {}): Program {
  return captureEvaluationStep(specification, { logits }).program
}

/** As captureEvaluation, with what the layers declared. */
export function captureEvaluationStep(
  specification: StepSpecification,
  { logits = false } = {},
): { program: Program; parameters: readonly Parameter[] } {
  const graph = new GraphBuilder(specification.batch)
  const { predictions } = capturePredictions(graph, specification, false)
  const labels = graph.labels()
  const outputs = nameClassifiers(predictions).flatMap(({ name, of: scores }) => {
    const hits = (k: number) => graph.applyOne('TopKCorrect', [scores, labels], { k }, 'metrics')
    const loss = graph.applyOne('CrossEntropy', [scores, labels], { reduction: 'sum' }, 'metrics')
    return [
      { name: partName(LABEL_TERM, name), value: loss },
      { name: `top1.${name}`, value: hits(1) },
      { name: `top5.${name}`, value: hits(Math.min(TOP_COUNT, specification.classes)) },
      ...(logits ? [{ name: `logits.${name}`, value: scores }] : []),
    ]
  })
  const program = graph.finish('evaluate', outputs)
  checkProgram(program)
  return { program, parameters: graph.parameters }
}
