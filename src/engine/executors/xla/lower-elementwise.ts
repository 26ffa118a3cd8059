import type { ElementwiseOps } from '../../graph/ops/elementwise.ts'
import type { LoweringsOf } from './op-lowering.ts'
import { CHANNELS } from './stored-layout.ts'

export const ELEMENTWISE_LOWERINGS: LoweringsOf<keyof ElementwiseOps> = {
  Constant: ({ hlo, attributes }) => [hlo.constant(attributes.value)],
  Normalise: ({ hlo, wide, attributes }) => {
    const pixels = wide('pixels')
    const { mean, std } = attributes
    const perChannel = (value: (channel: number) => number) => {
      const channels = mean.map((_, channel) => hlo.constant(value(channel), [1]))
      return hlo.broadcast(hlo.concatenate(channels, 0), pixels.shape, [CHANNELS])
    }
    const centred = hlo.binary(
      'subtract',
      hlo.binary('divide', pixels, 255),
      perChannel((place) => mean[place] ?? 0),
    )
    return [
      hlo.binary(
        'divide',
        centred,
        perChannel((place) => std[place] ?? 1),
      ),
    ]
  },
  Cast: ({ hlo, input, attributes }) => [hlo.convert(input('x'), attributes.dtype)],
  Add: ({ hlo, wide }) => [hlo.binary('add', wide('left'), wide('right'))],
  Multiply: ({ hlo, wide }) => [hlo.binary('multiply', wide('left'), wide('right'))],
  Scale: ({ hlo, wide, attributes }) => [hlo.binary('multiply', wide('x'), attributes.factor)],
}
