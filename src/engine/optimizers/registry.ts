/** The optimizers by name: what `--optimizer` takes. A new one needs a row here and no change elsewhere. */
import { adamw } from './adamw.ts'
import { parseBetas } from './betas.ts'
import { lamb } from './lamb.ts'
import { lars } from './lars.ts'
import type { Optimizer } from './optimizer.ts'
import { findOwnOptimizer } from './own-optimizers.ts'
import { sgd } from './sgd.ts'

/** Settings that optimizers are made from. */
export interface OptimizerConfig {
  readonly optimizer: OptimizerName
  readonly momentum: number
  readonly weightDecay: number
  /** Two numbers with a comma between them. */
  readonly betas: string
  readonly epsilon: number
  readonly trustCoefficient: number
}

type Settings = Omit<OptimizerConfig, 'optimizer'>

const OPTIMIZERS = {
  sgd,
  adamw: (settings: Settings) => adamw(adamSettings(settings)),
  lamb: (settings: Settings) => lamb(adamSettings(settings)),
  lars,
} satisfies Readonly<Record<string, (settings: Settings) => Optimizer>>

export type OptimizerName = keyof typeof OPTIMIZERS

const isOptimizerName = (name: string): name is OptimizerName => Object.hasOwn(OPTIMIZERS, name)

export const OPTIMIZER_NAMES: readonly OptimizerName[] = Object.keys(OPTIMIZERS).filter(isOptimizerName)

/** The optimizer of a configuration. @throws UserFault for one of the user's that is not there */
export function findOptimizer(config: OptimizerConfig): Optimizer {
  return findOwnOptimizer(config) ?? OPTIMIZERS[config.optimizer](config)
}

function adamSettings({ betas: text, epsilon, weightDecay }: Settings) {
  const betas = parseBetas(text)
  if (betas === null) throw new Error(`Expected betas that the configuration's check lets through but received ${text}`)
  return { betas, epsilon, weightDecay }
}
