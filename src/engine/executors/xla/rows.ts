/** Arithmetic on rows [B, n]. */
import type { Hlo, HloFunction } from './stablehlo.ts'

/** A vector [B] along the rows of [B, n]. */
export function perRow(hlo: HloFunction, vector: Hlo, like: Hlo): Hlo {
  return hlo.broadcast(vector, like.shape, [0])
}

/** z - max z of each row. */
function shifted(hlo: HloFunction, logits: Hlo): Hlo {
  return hlo.binary('subtract', logits, perRow(hlo, hlo.reduce('maximum', logits, [1]), logits))
}

export function softmax(hlo: HloFunction, logits: Hlo): Hlo {
  const powers = hlo.unary('exponential', shifted(hlo, logits))
  return hlo.binary('divide', powers, perRow(hlo, hlo.reduce('add', powers, [1]), logits))
}

export function logSoftmax(hlo: HloFunction, logits: Hlo): Hlo {
  const z = shifted(hlo, logits)
  const sums = hlo.unary('log', hlo.reduce('add', hlo.unary('exponential', z), [1]))
  return hlo.binary('subtract', z, perRow(hlo, sums, logits))
}
