import type { PoolAttributes } from '../../graph/ops.ts'
import { gatherFromWindows } from './max-pool-gradient.ts'
import type { LoweringsOf } from './op-lowering.ts'
import type { HloWindow } from './stablehlo.ts'
import { storedShape } from './stored-layout.ts'

type ImageOp =
  | 'Normalise'
  | 'MaxPool'
  | 'MaxPoolGrad'
  | 'AveragePool'
  | 'AveragePoolGrad'
  | 'Concat'
  | 'SliceChannels'
  | 'GlobalAveragePool'
  | 'GlobalAveragePoolGrad'

/** Axis of the channels of a stored image. */
const CHANNELS = 3

/** Operations on images [B, H, W, C] that are no convolutions. */
export const IMAGE_LOWERINGS: LoweringsOf<ImageOp> = {
  Normalise: ({ hlo, wide, attributes }) => {
    const pixels = wide(0)
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
  MaxPool: ({ hlo, input, outputs, attributes }) => [
    hlo.reduceWindow('maximum', input(0), storedShape(outputs[0]?.shape ?? []), windows(attributes)),
  ],
  MaxPoolGrad: ({ hlo, input, wide, attributes, target }) => [
    target.gatherFromWindows
      ? gatherFromWindows(hlo, input(1), input(0), attributes)
      : hlo.scatterToLargest(wide(1), wide(0), windows(attributes)),
  ],
  AveragePool: ({ hlo, wide, outputs, attributes }) => {
    const sum = hlo.reduceWindow('add', wide(0), storedShape(outputs[0]?.shape ?? []), windows(attributes))
    return [hlo.binary('divide', sum, attributes.kernel ** 2)]
  },
  // Each pixel takes the sum of the gradients of the windows that it lies in.
  AveragePoolGrad: ({ hlo, wide, attributes }) => {
    const { kernel, stride, padding, inputShape } = attributes
    const dy = wide(0)
    const shape = storedShape(inputShape)
    const around = (axis: 1 | 2): [number, number] => {
      const before = kernel - 1 - padding
      return [before, (shape[axis] ?? 0) + kernel - 1 - before - (((dy.shape[axis] ?? 0) - 1) * stride + 1)]
    }
    const spread = hlo.pad(dy, [around(1), around(2)], stride - 1)
    const none = [0, 0] as const
    const sum = hlo.reduceWindow('add', spread, shape, { kernel, stride: 1, padding: [none, none] })
    return [hlo.binary('divide', sum, kernel ** 2)]
  },
  Concat: ({ hlo, inputs }) => [hlo.concatenate(inputs, CHANNELS)],
  SliceChannels: ({ hlo, input, attributes }) => [hlo.slice(input(0), CHANNELS, attributes.start, attributes.channels)],
  GlobalAveragePool: ({ hlo, wide }) => {
    const [, height = 0, width = 0] = wide(0).shape
    return [hlo.binary('divide', hlo.reduce('add', wide(0), [1, 2]), height * width)]
  },
  GlobalAveragePoolGrad: ({ hlo, wide, attributes }) => {
    const shape = storedShape(attributes.inputShape)
    const [, height = 0, width = 0] = shape
    return [hlo.broadcast(hlo.binary('divide', wide(0), height * width), shape, [0, CHANNELS])]
  },
}

function windows({ kernel, stride, padding }: PoolAttributes): HloWindow {
  const around = [padding, padding] as const
  return { kernel, stride, padding: [around, around] }
}
