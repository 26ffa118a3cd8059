import type { ConvolutionOps } from '../../graph/ops/convolution.ts'
import type { LoweringsOf } from './op-lowering.ts'
import type { HloConvolution } from './stablehlo.ts'
import { storedShape } from './stored-layout.ts'

type Padding = HloConvolution['padding']

/** Both gradients are convolutions as well; the paddings make their results as large as what they are gradients of. */
export const CONVOLUTION_LOWERINGS: LoweringsOf<keyof ConvolutionOps> = {
  // x [B, H, W, I], w [O, k, k, I / groups] -> [B, H', W', O].
  Conv2D: ({ hlo, input, outputs, attributes, target }) => {
    const { stride, padding, groups } = attributes
    const around = [padding, padding] as const
    const geometry = {
      dimensions: '[b, 0, 1, f]x[o, 0, 1, i]->[b, 0, 1, f]',
      stride,
      padding: [around, around] as const,
      featureGroups: groups,
      fullPrecision: target.fullPrecision,
    }
    return [
      hlo.convolution(input('x'), input('filters'), storedShape(outputs[0]?.shape ?? []), input('x').dtype, geometry),
    ]
  },
  // dy, spread by the stride, with the filter turned around and its two channel axes swapped within each group.
  Conv2DBackpropInput: ({ hlo, input, attributes, target }) => {
    const { stride, padding, groups, inputShape } = attributes
    const [dy, w] = [input('dy'), input('filters')]
    const [out = 0, height = 0, width = 0, perGroup = 0] = w.shape
    const turned = hlo.reverse(w, [1, 2])
    const grouped = hlo.reshape(turned, [groups, out / groups, height, width, perGroup])
    const swapped = hlo.transpose(grouped, [1, 2, 3, 0, 4])
    const filter = groups === 1 ? turned : hlo.reshape(swapped, [out / groups, height, width, groups * perGroup])
    const shape = storedShape(inputShape)
    const pad: Padding = [
      inputPadding(shape[1] ?? 0, dy.shape[1] ?? 0, height, stride, padding),
      inputPadding(shape[2] ?? 0, dy.shape[2] ?? 0, width, stride, padding),
    ]
    const geometry = {
      dimensions: '[b, 0, 1, f]x[i, 0, 1, o]->[b, 0, 1, f]',
      dilateLeft: stride,
      padding: pad,
      featureGroups: groups,
      fullPrecision: target.fullPrecision,
    }
    return [hlo.convolution(dy, filter, shape, dy.dtype, geometry)]
  },
  // x with dy as the filter, spread by the stride; the batch is what is summed over.
  Conv2DBackpropFilter: ({ hlo, input, attributes, target }) => {
    const { stride, padding, groups, filterShape } = attributes
    const [x, dy] = [input('x'), input('dy')]
    const shape = storedShape(filterShape)
    const pad: Padding = [
      filterPadding(x.shape[1] ?? 0, dy.shape[1] ?? 0, shape[1] ?? 0, stride, padding),
      filterPadding(x.shape[2] ?? 0, dy.shape[2] ?? 0, shape[2] ?? 0, stride, padding),
    ]
    const geometry = {
      dimensions: '[f, 0, 1, b]x[i, 0, 1, o]->[f, 0, 1, b]',
      dilateRight: stride,
      padding: pad,
      batchGroups: groups,
      fullPrecision: target.fullPrecision,
    }
    return [hlo.convolution(x, dy, shape, target.wideFilterGradients ? 'f32' : x.dtype, geometry)]
  },
}

/** Padding of the spread dy, [before, behind] of one direction, that gives back `size` pixels. */
function inputPadding(size: number, dy: number, kernel: number, stride: number, padding: number): [number, number] {
  const before = kernel - 1 - padding
  const spread = (dy - 1) * stride + 1
  return [before, size - spread - before + kernel - 1]
}

/** Padding of x that leaves `kernel` places for the spread dy. */
function filterPadding(size: number, dy: number, kernel: number, stride: number, padding: number): [number, number] {
  const spread = (dy - 1) * stride + 1
  return [padding, kernel - 1 + spread - size - padding]
}
