import type { RunConfig } from '../config/run-config.ts'
import type { Method } from '../methods/method.ts'
import { one } from '../methods/one.ts'
import { vanilla } from '../methods/vanilla.ts'
import { findNetwork } from '../networks/find-network.ts'
import { expected } from '../vocabulary/fault.ts'
import type { StepSpecification } from './capture.ts'

/** What the dataset says of a network's input and output. */
export interface NetworkInput {
  readonly height: number
  readonly width: number
  readonly channels: number
  /** Of pixels scaled to 0..1, an entry a channel. */
  readonly mean: readonly number[]
  readonly std: readonly number[]
  readonly classNames: readonly string[]
}

/**
 * What a run's step is captured from.
 * @throws UserFault where the batch does not divide into equal shares, or the network is unknown
 */
export function specifyStep(config: RunConfig, input: NetworkInput, replicas: number): StepSpecification {
  if (config.batch % replicas !== 0) {
    const remedy = `Use a multiple of ${replicas}, such as ${Math.ceil(config.batch / replicas) * replicas}.`
    throw expected(`a multiple of the ${replicas} replicas`, '--batch', config.batch, remedy)
  }
  const { height, width, channels, mean, std, classNames } = input
  return {
    network: findNetwork(config.network, config.block),
    method: findMethod(config),
    classes: classNames.length,
    batch: config.batch / replicas,
    dtype: config.precision === 'bf16' ? 'bf16' : 'f32',
    input: { height, width, channels, mean, std },
    momentum: config.momentum,
    weightDecay: config.weightDecay,
  }
}

function findMethod({ method, branches, temperature }: RunConfig): Method {
  switch (method) {
    case 'vanilla':
      return vanilla()
    case 'one':
      return one({ branches, temperature })
    case 'kd':
    case 'dml':
    case 'snapshot':
    case 'ensemble':
      throw expected('vanilla or one', '--method', method, 'The others are not built yet.')
  }
}
