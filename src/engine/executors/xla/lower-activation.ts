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
  gelu: {
    value: (hlo, x) => hlo.binary('multiply', x, normalShare(hlo, x)),
    gradient: (hlo, dy, x) => {
      const power = hlo.unary('exponential', hlo.binary('multiply', hlo.binary('multiply', x, x), -0.5))
      const density = hlo.binary('multiply', power, 1 / Math.sqrt(2 * Math.PI))
      const slope = hlo.binary('add', normalShare(hlo, x), hlo.binary('multiply', x, density))
      return hlo.binary('multiply', dy, slope)
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

/** The normal distribution's function, (1 + erf(x / sqrt(2))) / 2. */
function normalShare(hlo: HloFunction, x: Hlo): Hlo {
  return hlo.binary('multiply', hlo.binary('add', errorFunction(hlo, hlo.binary('multiply', x, Math.SQRT1_2)), 1), 0.5)
}

/**
 * erf of f32 to 5e-7, a quotient of polynomials (Eigen, generic_fast_erf_float; XLA has the same): StableHLO has no erf, and
 * not every plugin knows the dialect CHLO, which has.
 */
function errorFunction(hlo: HloFunction, given: Hlo): Hlo {
  const x = hlo.binary('minimum', hlo.binary('maximum', given, -4), 4)
  const square = hlo.binary('multiply', x, x)
  const polynomial = ([first = 0, ...others]: readonly number[]) =>
    others.reduce(
      (sum, coefficient) => hlo.binary('add', hlo.binary('multiply', sum, square), coefficient),
      hlo.constant(first, x.shape),
    )
  return hlo.binary('divide', hlo.binary('multiply', x, polynomial(ERF_NUMERATOR)), polynomial(ERF_DENOMINATOR))
}

/** From the highest power of x^2 down. */
const ERF_NUMERATOR = [
  -2.72614225801306e-10, 2.77068142495902e-8, -2.10102402082508e-6, -5.69250639462346e-5, -7.34990630326855e-4,
  -2.95459980854025e-3, -1.60960333262415e-2,
]
const ERF_DENOMINATOR = [
  -1.45660718464996e-5, -2.13374055278905e-4, -1.68282697438203e-3, -7.37332916720468e-3, -1.42647390514189e-2,
]

function where(hlo: HloFunction, condition: Hlo, dy: Hlo): Hlo {
  return hlo.select(condition, dy, hlo.constant(0, dy.shape, dy.dtype))
}
