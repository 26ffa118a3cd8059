import type { LoweringsOf } from './op-lowering.ts'

type ElementwiseOp = 'Constant' | 'Cast' | 'Add' | 'Multiply' | 'Scale' | 'SgdNesterov' | 'RunningAverage'

/** Sums, scalars and the optimiser. */
export const ELEMENTWISE_LOWERINGS: LoweringsOf<ElementwiseOp> = {
  Constant: ({ hlo, attributes }) => [hlo.constant(attributes.value)],
  Cast: ({ hlo, input, attributes }) => [hlo.convert(input(0), attributes.dtype)],
  Add: ({ hlo, wide }) => [hlo.binary('add', wide(0), wide(1))],
  Multiply: ({ hlo, wide }) => [hlo.binary('multiply', wide(0), wide(1))],
  Scale: ({ hlo, wide, attributes }) => [hlo.binary('multiply', wide(0), attributes.factor)],
  // torch.optim.SGD: g += decay w; buffer = momentum buffer + g; w -= rate (g + momentum buffer).
  SgdNesterov: ({ hlo, wide, attributes }) => {
    const [weight, buffer, rate] = [wide(0), wide(1), wide(3)]
    const gradient = hlo.binary('add', wide(2), hlo.binary('multiply', weight, attributes.weightDecay))
    const momentum = hlo.binary('add', hlo.binary('multiply', buffer, attributes.momentum), gradient)
    const direction = hlo.binary('add', gradient, hlo.binary('multiply', momentum, attributes.momentum))
    const step = hlo.binary('multiply', direction, hlo.broadcast(rate, weight.shape, []))
    return [hlo.binary('subtract', weight, step), momentum]
  },
  RunningAverage: ({ hlo, wide, attributes }) => {
    const { weight, correction } = attributes
    const kept = hlo.binary('multiply', wide(0), 1 - weight)
    return [hlo.binary('add', kept, hlo.binary('multiply', wide(1), weight * correction))]
  },
}
