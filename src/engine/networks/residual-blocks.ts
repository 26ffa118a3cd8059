import type { Value } from '../graph/graph-builder.ts'
import type { Layers } from './layers.ts'

/** Channels a bottleneck gives for each of its inner ones (He et al., "Deep Residual Learning"). */
export const BOTTLENECK_EXPANSION = 4

/** Captures one block whose first convolution with room for it has the stride. */
type CaptureBlock = (x: Value, stride: number) => Value

/** Blocks `<name>.0`, `<name>.1`, ... of which the first has the stage's stride. */
export function residualStage(
  layers: Layers,
  name: string,
  x: Value,
  { blocks, stride }: { readonly blocks: number; readonly stride: number },
  captureBlock: CaptureBlock,
): Value {
  return layers.scope(name, () => {
    let y = x
    for (let position = 0; position < blocks; position++) {
      const input = y
      y = layers.scope(`${position}`, () => captureBlock(input, position === 0 ? stride : 1))
    }
    return y
  })
}

/** Two 3x3 convolutions. x [B, C, H, W] -> [B, width, H / stride, W / stride]. */
export function basicBlock(layers: Layers, x: Value, width: number, stride: number): Value {
  const first = layers.batchNorm('bn1', layers.conv('conv1', x, width, 3, { stride }), { activation: 'relu' })
  const second = layers.conv('conv2', first, width, 3)
  return layers.batchNorm('bn2', second, { activation: 'relu', residual: shortcut(layers, x, width, stride) })
}

export interface BottleneckWidths {
  /** Channels of the 3x3 convolution, all its groups together. */
  readonly inner: number
  readonly out: number
  readonly groups: number
}

/** 1x1, 3x3 and 1x1 convolution; the stride sits on the 3x3, torchvision's way. -> [B, out, H / stride, W / stride]. */
export function bottleneckBlock(
  layers: Layers,
  x: Value,
  { inner, out, groups }: BottleneckWidths,
  stride: number,
): Value {
  const first = layers.batchNorm('bn1', layers.conv('conv1', x, inner, 1), { activation: 'relu' })
  const second = layers.batchNorm('bn2', layers.conv('conv2', first, inner, 3, { stride, groups }), {
    activation: 'relu',
  })
  const third = layers.conv('conv3', second, out, 1)
  return layers.batchNorm('bn3', third, { activation: 'relu', residual: shortcut(layers, x, out, stride) })
}

/** The input itself, or a 1x1 convolution with batch norm where the shape changes. */
function shortcut(layers: Layers, x: Value, out: number, stride: number): Value {
  if (stride === 1 && x.shape[1] === out) return x
  return layers.scope('downsample', () =>
    layers.batchNorm('1', layers.conv('0', x, out, 1, { stride }), { activation: null }),
  )
}
