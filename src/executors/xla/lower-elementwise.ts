import type { OpAttributes } from '../../graph/ops.ts'
import type { LoweringsOf } from './op-lowering.ts'
import type { Hlo, HloFunction } from './stablehlo.ts'

type ElementwiseOp = 'Constant' | 'Cast' | 'Add' | 'Multiply' | 'Scale' | 'SgdNesterov' | 'RunningAverage'

/** Sums, scalars and the optimiser. */
export const ELEMENTWISE_LOWERINGS: LoweringsOf<ElementwiseOp> = {
  Constant: ({ hlo, attributes }) => [hlo.constant(attributes.value)],
  Cast: ({ hlo, input, attributes }) => [hlo.convert(input(0), attributes.dtype)],
  Add: ({ hlo, wide }) => [hlo.binary('add', wide(0), wide(1))],
  Multiply: ({ hlo, wide }) => [hlo.binary('multiply', wide(0), wide(1))],
  Scale: ({ hlo, wide, attributes }) => [hlo.binary('multiply', wide(0), attributes.factor)],
  SgdNesterov: ({ hlo, wide, attributes }) =>
    stepSgd(hlo, attributes, { weight: wide(0), buffer: wide(1), gradient: wide(2), rate: wide(3) }),
  RunningAverage: ({ hlo, wide, attributes: { weight, correction } }) => [
    averageRunning(hlo, weight, wide(0), hlo.binary('multiply', wide(1), weight * correction)),
  ],
}

/**
 * torch.optim.SGD with Nesterov: g += decay w; buffer = momentum buffer + g; w -= rate (g + momentum buffer).
 * @param before all f32; `rate` a scalar, the others of one shape
 * @returns weight and buffer
 */
export function stepSgd(
  hlo: HloFunction,
  { momentum, weightDecay }: OpAttributes['SgdNesterov'],
  before: { readonly weight: Hlo; readonly buffer: Hlo; readonly gradient: Hlo; readonly rate: Hlo },
): [weight: Hlo, buffer: Hlo] {
  const { weight, rate } = before
  const gradient = hlo.binary('add', before.gradient, hlo.binary('multiply', weight, weightDecay))
  const buffer = hlo.binary('add', hlo.binary('multiply', before.buffer, momentum), gradient)
  const direction = hlo.binary('add', gradient, hlo.binary('multiply', buffer, momentum))
  const step = hlo.binary('multiply', direction, hlo.broadcast(rate, weight.shape, []))
  return [hlo.binary('subtract', weight, step), buffer]
}

/** (1 - weight) kept + part. @param part the new value times `weight`, with the correction of its variance */
export function averageRunning(hlo: HloFunction, weight: number, kept: Hlo, part: Hlo): Hlo {
  return hlo.binary('add', hlo.binary('multiply', kept, 1 - weight), part)
}
