import { parseBetas } from '../config/betas.ts'
import type { RunConfig } from '../config/run-config.ts'
import { adamw } from './adamw.ts'
import { lamb } from './lamb.ts'
import { lars } from './lars.ts'
import type { Optimizer } from './optimizer.ts'
import { sgd } from './sgd.ts'

/** Settings that optimizers are made from. */
export type OptimizerConfig = Pick<
  RunConfig,
  'optimizer' | 'momentum' | 'weightDecay' | 'betas' | 'epsilon' | 'trustCoefficient'
>

const OPTIMIZERS: { readonly [Name in RunConfig['optimizer']]: (config: OptimizerConfig) => Optimizer } = {
  sgd,
  adamw: (config) => adamw(adamSettings(config)),
  lamb: (config) => lamb(adamSettings(config)),
  lars,
}

/** The optimizer of a configuration. */
export function findOptimizer(config: OptimizerConfig): Optimizer {
  return OPTIMIZERS[config.optimizer](config)
}

function adamSettings({ betas: text, epsilon, weightDecay }: OptimizerConfig) {
  const betas = parseBetas(text)
  if (betas === null) throw new Error(`Expected betas that the configuration's check lets through but received ${text}`)
  return { betas, epsilon, weightDecay }
}
