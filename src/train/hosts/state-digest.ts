import { createHash } from 'node:crypto'
import type { RunConfig } from '../../config/run-config.ts'

/** What tells a run's state (weights, momentum, running averages) apart; null where devices keep it. */
export function stateDigest({ executor }: Pick<RunConfig, 'executor'>, state: SharedArrayBuffer): string | null {
  return executor === 'cpu' ? createHash('sha256').update(new Uint8Array(state)).digest('hex') : null
}
