import type { PoolAttributes, PoolingOps } from '../../graph/ops/pooling.ts'
import { gatherFromWindows } from './max-pool-gradient.ts'
import type { LoweringsOf } from './op-lowering.ts'
import type { HloWindow } from './stablehlo.ts'
import { CHANNELS, storedShape } from './stored-layout.ts'

/** Images [B, H, W, C]. */
export const POOLING_LOWERINGS: LoweringsOf<keyof PoolingOps> = {
  MaxPool: ({ hlo, input, outputs, attributes }) => [
    hlo.reduceWindow('maximum', input('x'), storedShape(outputs[0]?.shape ?? []), windows(attributes)),
  ],
  MaxPoolGrad: ({ hlo, input, wide, attributes, target }) => [
    target.gatherFromWindows
      ? gatherFromWindows(hlo, input('x'), input('dy'), attributes)
      : hlo.scatterToLargest(wide('x'), wide('dy'), windows(attributes)),
  ],
  AveragePool: ({ hlo, wide, outputs, attributes }) => {
    const sum = hlo.reduceWindow('add', wide('x'), storedShape(outputs[0]?.shape ?? []), windows(attributes))
    return [hlo.binary('divide', sum, attributes.kernel ** 2)]
  },
  // Each pixel takes the sum of the gradients of the windows that it lies in.
  AveragePoolGrad: ({ hlo, wide, attributes }) => {
    const { kernel, stride, padding, inputShape } = attributes
    const dy = wide('dy')
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
  GlobalAveragePool: ({ hlo, wide }) => {
    const [, height = 0, width = 0] = wide('x').shape
    return [hlo.binary('divide', hlo.reduce('add', wide('x'), [1, 2]), height * width)]
  },
  GlobalAveragePoolGrad: ({ hlo, wide, attributes }) => {
    const shape = storedShape(attributes.inputShape)
    const [, height = 0, width = 0] = shape
    return [hlo.broadcast(hlo.binary('divide', wide('dy'), height * width), shape, [0, CHANNELS])]
  },
}

function windows({ kernel, stride, padding }: PoolAttributes): HloWindow {
  const around = [padding, padding] as const
  return { kernel, stride, padding: [around, around] }
}
