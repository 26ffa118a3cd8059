import { writeUpdate } from '../graph/update-arithmetic.ts'
import { ADAM_STATES, type AdamSettings, adamMoments, biasCorrections } from './adam-moments.ts'
import { appendUpdate, type Optimizer } from './optimizer.ts'

/**
 * AdamW (Loshchilov and Hutter, "Decoupled Weight Decay Regularization", arXiv:1711.05101, algorithm 2) as torch.optim.AdamW has
 * it: decay is rate * weightDecay * w, beside the gradient's step.
 */
export function adamw(settings: AdamSettings): Optimizer {
  const scalars = biasCorrections(settings.betas)
  const counts = { states: ADAM_STATES.length, scalars: 1 + Object.keys(scalars).length }
  const update = writeUpdate(counts, (arithmetic, operands) => {
    const { subtract, multiply } = arithmetic
    const rate = operands.scalar(0)
    const decayed = multiply(operands.weight, subtract(1, multiply(rate, settings.weightDecay)))
    const { average, averageOfSquares, direction } = adamMoments(arithmetic, operands, settings)
    return [subtract(decayed, multiply(direction, rate)), average, averageOfSquares]
  })
  return { states: ADAM_STATES, scalars, update: (graph, weight) => appendUpdate(graph, weight, update) }
}
