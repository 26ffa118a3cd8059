import type { UpdateArithmetic, UpdateOperands, UpdateValue } from '../graph/update-arithmetic.ts'

/** Settings of optimizers that keep Adam's two moments. */
export interface AdamSettings {
  /** Decay rates of the averages of the gradient and of its square. */
  readonly betas: readonly [number, number]
  /** Added to the root of the second moment. */
  readonly epsilon: number
  readonly weightDecay: number
}

/** Names as in torch.optim.Adam's state. */
export const ADAM_STATES = ['exp_avg', 'exp_avg_sq'] as const

/** What takes the bias of their start at zero from the moments; the second is for the root of the second moment. */
export function biasCorrections([beta1, beta2]: AdamSettings['betas']) {
  return {
    bias_correction1: (update: number) => 1 - beta1 ** update,
    bias_correction2_root: (update: number) => Math.sqrt(1 - beta2 ** update),
  }
}

export interface AdamMoments {
  readonly average: UpdateValue
  readonly averageOfSquares: UpdateValue
  /** Corrected average / (root of the corrected average of squares + epsilon). */
  readonly direction: UpdateValue
}

/**
 * Adam's moments and direction (Kingma and Ba, "Adam: A Method for Stochastic Optimization", arXiv:1412.6980, algorithm 1), in
 * the order of operations of torch.optim.
 */
export function adamMoments(
  { add, subtract, multiply, divide, squareRoot }: UpdateArithmetic,
  { state, gradient, scalar }: UpdateOperands,
  { betas: [beta1, beta2], epsilon }: AdamSettings,
): AdamMoments {
  const average = add(state(0), multiply(subtract(gradient, state(0)), 1 - beta1))
  const squares = multiply(multiply(gradient, gradient), 1 - beta2)
  const averageOfSquares = add(multiply(state(1), beta2), squares)
  const root = add(divide(squareRoot(averageOfSquares), scalar(2)), epsilon)
  return { average, averageOfSquares, direction: divide(divide(average, scalar(1)), root) }
}
