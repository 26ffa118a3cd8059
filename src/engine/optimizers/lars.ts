import { writeUpdate } from '../graph/update-arithmetic.ts'
import { appendUpdate, isVector, type Optimizer } from './optimizer.ts'

export interface LarsSettings {
  readonly momentum: number
  readonly weightDecay: number
  /** The paper's eta: how far a layer trusts its own gradient. */
  readonly trustCoefficient: number
}

/**
 * LARS (You, Gitman and Ginsburg, "Large Batch Training of Convolutional Networks", arXiv:1708.03888, equation 6 and
 * algorithm 1), one layer a tensor:
 *
 *     local = trustCoefficient ||w|| / (||g|| + weightDecay ||w||)
 *     m = momentum m + rate local (g + weightDecay w); w -= m
 *
 * `local` is 1 where a norm is 0, and for vectors (biases, batch norm's scales and shifts), whose norms say little.
 */
export function lars({ momentum, weightDecay, trustCoefficient }: LarsSettings): Optimizer {
  const write = (adapted: boolean) =>
    writeUpdate({ states: 1, scalars: 1 }, (arithmetic, { weight, state, gradient, scalar }) => {
      const { add, subtract, multiply, divide, norm, whenPositive } = arithmetic
      const decayed = add(gradient, multiply(weight, weightDecay))
      const local = () => {
        const [length, slope] = [norm(weight), norm(gradient)]
        const trusted = divide(multiply(length, trustCoefficient), add(slope, multiply(length, weightDecay)))
        return multiply(scalar(0), whenPositive(length, whenPositive(slope, trusted, 1), 1))
      }
      const buffer = add(multiply(state(0), momentum), multiply(decayed, adapted ? local() : scalar(0)))
      return [subtract(weight, buffer), buffer]
    })
  const [ofVectors, ofOthers] = [write(false), write(true)]
  return {
    states: ['momentum'],
    scalars: {},
    update: (graph, operands) => appendUpdate(graph, operands, isVector(operands.weight) ? ofVectors : ofOthers),
  }
}
