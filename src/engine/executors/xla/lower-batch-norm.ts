import type { Rectifier } from '../../graph/ops/activation.ts'
import type { BatchNormOps } from '../../graph/ops/batch-norm.ts'
import { rectified, rectifiedGradient } from './lower-activation.ts'
import type { LoweringsOf, LoweringTarget } from './op-lowering.ts'
import type { Hlo, HloFunction } from './stablehlo.ts'

/**
 * x [B, H, W, C] or [B, C], channels last; computed in f32, composed of sums and elementwise operations, which XLA fuses
 * with what is around them (its own batch_norm operations are expanded to the same before it looks for fusions).
 */
export const BATCH_NORM_LOWERINGS: LoweringsOf<keyof BatchNormOps> = {
  BatchNorm: ({ hlo, has, wide, attributes, target }) => {
    const x = wide('x')
    const { mean, variance } = statistics(hlo, x, target)
    const y = normalise(hlo, x, mean, inverseDeviation(hlo, variance, attributes.epsilon), wide('scale'), wide('shift'))
    return [finish(hlo, y, has('residual') ? wide('residual') : null, attributes.activation), mean, variance]
  },
  BatchNormInference: ({ hlo, has, wide, attributes }) => {
    const inverse = inverseDeviation(hlo, wide('variance'), attributes.epsilon)
    const y = normalise(hlo, wide('x'), wide('mean'), inverse, wide('scale'), wide('shift'))
    return [finish(hlo, y, has('residual') ? wide('residual') : null, attributes.activation)]
  },
  // Ioffe and Szegedy 2015, section 3: dx = scale / sqrt(var + eps) (dy - sum(dy) / n - xhat sum(dy xhat) / n).
  BatchNormGrad: ({ hlo, input, wide, attributes, target }) => {
    const { epsilon, activation, residual } = attributes
    const [x, scale, mean] = [wide('x'), wide('scale'), wide('mean')]
    // Selected in its own type, as XLA on GPUs keeps it for those that read it.
    const passed = rectifiedGradient(hlo, activation, input('dy'), () => wide('y'))
    const dy = hlo.convert(passed, 'f32')
    const inverse = inverseDeviation(hlo, wide('variance'), epsilon)
    const centred = hlo.binary('subtract', x, perChannel(hlo, mean, x))
    const n = pixels(x)
    const [dshift, product] = overPixels(hlo, target, dy, hlo.binary('multiply', dy, centred))
    const dscale = hlo.binary('multiply', product, inverse)
    // Everything that is the same for a channel's pixels is computed once a channel.
    const level = perChannel(hlo, hlo.binary('divide', dshift, n), x)
    const slope = perChannel(hlo, hlo.binary('divide', hlo.binary('multiply', dscale, inverse), n), x)
    const along = hlo.binary('multiply', centred, slope)
    const projected = hlo.binary('subtract', hlo.binary('subtract', dy, level), along)
    const dx = hlo.binary('multiply', projected, perChannel(hlo, hlo.binary('multiply', scale, inverse), x))
    return residual ? [dx, dscale, dshift, passed] : [dx, dscale, dshift]
  },
}

/** Elements that a channel has. */
function pixels({ shape }: Hlo): number {
  return shape.slice(0, -1).reduce((product, size) => product * size, 1)
}

/** A vector [C] along the last axis of x. */
function perChannel(hlo: HloFunction, vector: Hlo, x: Hlo): Hlo {
  return hlo.broadcast(vector, x.shape, [x.shape.length - 1])
}

/** Sums of two tensors over all but the channels. */
function overPixels(hlo: HloFunction, { jointSums }: LoweringTarget, first: Hlo, second: Hlo): [Hlo, Hlo] {
  const axes = first.shape.slice(0, -1).map((_, axis) => axis)
  return jointSums
    ? hlo.twoSums(first, second, axes)
    : [hlo.reduce('add', first, axes), hlo.reduce('add', second, axes)]
}

/**
 * Mean and biased variance of each channel from the sums of x - s and (x - s)^2, so that x is read once. s is the
 * channel's first element: sums of x itself would cancel where the mean is large beside the deviation.
 */
function statistics(hlo: HloFunction, x: Hlo, target: LoweringTarget): { mean: Hlo; variance: Hlo } {
  const channels = [x.shape.at(-1) ?? 0]
  const first = x.shape.slice(0, -1).reduce((part, _, axis) => hlo.slice(part, axis, 0, 1), x)
  const shift = hlo.reshape(first, channels)
  const shifted = hlo.binary('subtract', x, perChannel(hlo, shift, x))
  const [sum, sumOfSquares] = overPixels(hlo, target, shifted, hlo.binary('multiply', shifted, shifted))
  const [offset, square] = [hlo.binary('divide', sum, pixels(x)), hlo.binary('divide', sumOfSquares, pixels(x))]
  const variance = hlo.binary('maximum', hlo.binary('subtract', square, hlo.binary('multiply', offset, offset)), 0)
  return { mean: hlo.binary('add', shift, offset), variance }
}

/** 1 / sqrt(variance + epsilon), [C]. */
function inverseDeviation(hlo: HloFunction, variance: Hlo, epsilon: number): Hlo {
  return hlo.unary('rsqrt', hlo.binary('add', variance, epsilon))
}

/** (x - mean) inverse scale + shift. */
function normalise(hlo: HloFunction, x: Hlo, mean: Hlo, inverse: Hlo, scale: Hlo, shift: Hlo): Hlo {
  const factor = perChannel(hlo, hlo.binary('multiply', inverse, scale), x)
  const scaled = hlo.binary('multiply', hlo.binary('subtract', x, perChannel(hlo, mean, x)), factor)
  return hlo.binary('add', scaled, perChannel(hlo, shift, x))
}

function finish(hlo: HloFunction, y: Hlo, residual: Hlo | null, rectifier: Rectifier | null): Hlo {
  const sum = residual === null ? y : hlo.binary('add', y, residual)
  return rectified(hlo, rectifier, sum)
}
