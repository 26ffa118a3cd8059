import type { ActivationFunction, ActivationOps, Rectifier } from '../../graph/ops/activation.ts'
import type { LoweringsOf } from './op-lowering.ts'
import type { Hlo, HloFunction } from './stablehlo.ts'

interface ActivationLowering {
  value(hlo: HloFunction, x: Hlo): Hlo
  /** @param source y of rectifiers, x of the others */
  gradient(hlo: HloFunction, dy: Hlo, source: Hlo): Hlo
}

const FUNCTIONS: Readonly<Record<ActivationFunction, ActivationLowering>> = {
  relu: {
    value: (hlo, x) => hlo.binary('maximum', x, 0),
    gradient: (hlo, dy, y) => where(hlo, hlo.compare('GT', y, hlo.constant(0, y.shape)), dy),
  },
  relu6: {
    value: (hlo, x) => hlo.binary('minimum', hlo.binary('maximum', x, 0), 6),
    gradient: (hlo, dy, y) => {
      const positive = hlo.compare('GT', y, hlo.constant(0, y.shape))
      return where(hlo, hlo.logical('and', positive, hlo.compare('LT', y, hlo.constant(6, y.shape))), dy)
    },
  },
  silu: {
    value: (hlo, x) => hlo.binary('multiply', x, hlo.unary('logistic', x)),
    gradient: (hlo, dy, x) => {
      const s = hlo.unary('logistic', x)
      const rest = hlo.binary('multiply', x, hlo.binary('subtract', hlo.constant(1, x.shape), s))
      return hlo.binary('multiply', hlo.binary('multiply', dy, s), hlo.binary('add', rest, 1))
    },
  },
}

/** Computed in f32. */
export const ACTIVATION_LOWERINGS: LoweringsOf<keyof ActivationOps> = {
  Activation: ({ hlo, wide, attributes }) => [FUNCTIONS[attributes.function].value(hlo, wide('x'))],
  ActivationGrad: ({ hlo, wide, attributes }) => [
    FUNCTIONS[attributes.function].gradient(hlo, wide('dy'), wide('source')),
  ],
}

/** x, rectified where there is a rectifier. */
export function rectified(hlo: HloFunction, rectifier: Rectifier | null, x: Hlo): Hlo {
  return rectifier === null ? x : FUNCTIONS[rectifier].value(hlo, x)
}

/**
 * dy where the rectifier's result y tells a slope of 1, else 0.
 * @param dy in any precision, which the result keeps @param y f32
 */
export function rectifiedGradient(hlo: HloFunction, rectifier: Rectifier | null, dy: Hlo, y: () => Hlo): Hlo {
  return rectifier === null ? dy : FUNCTIONS[rectifier].gradient(hlo, dy, y())
}

function where(hlo: HloFunction, condition: Hlo, dy: Hlo): Hlo {
  return hlo.select(condition, dy, hlo.constant(0, dy.shape, dy.dtype))
}
