import { writeUpdate } from '../graph/update-arithmetic.ts'
import { ADAM_STATES, type AdamSettings, adamMoments, biasCorrections } from './adam-moments.ts'
import { appendUpdate, isVector, type Optimizer } from './optimizer.ts'

/**
 * LAMB (You et al., "Large Batch Optimization for Deep Learning: Training BERT in 76 minutes", ICLR 2020, arXiv:1904.00962,
 * algorithm 2), with phi(z) = z and one layer a tensor:
 *
 *     r = Adam's direction; w -= rate * ||w|| / ||r + weightDecay w|| * (r + weightDecay w)
 *
 * The ratio of norms is 1 where one of them is 0, and for vectors (biases, batch norm's scales and shifts), which are left out
 * of the adaptation as in the authors' own program.
 */
export function lamb(settings: AdamSettings): Optimizer {
  const scalars = biasCorrections(settings.betas)
  const counts = { states: ADAM_STATES.length, scalars: 1 + Object.keys(scalars).length }
  const write = (adapted: boolean) =>
    writeUpdate(counts, (arithmetic, operands) => {
      const { add, subtract, multiply, divide, norm, whenPositive } = arithmetic
      const { weight } = operands
      const { average, averageOfSquares, direction } = adamMoments(arithmetic, operands, settings)
      const step = add(direction, multiply(weight, settings.weightDecay))
      const rate = operands.scalar(0)
      if (!adapted) return [subtract(weight, multiply(step, rate)), average, averageOfSquares]
      const [length, stepLength] = [norm(weight), norm(step)]
      const ratio = whenPositive(length, whenPositive(stepLength, divide(length, stepLength), 1), 1)
      return [subtract(weight, multiply(step, multiply(rate, ratio))), average, averageOfSquares]
    })
  const [ofVectors, ofOthers] = [write(false), write(true)]
  return {
    states: ADAM_STATES,
    scalars,
    update: (graph, operands) => appendUpdate(graph, operands, isVector(operands.weight) ? ofVectors : ofOthers),
  }
}
