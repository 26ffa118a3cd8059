import type { Method } from '../engine/methods/method.ts'
import type { MethodSettings } from '../engine/methods/method-definition.ts'
import { METHODS } from '../engine/methods/registry.ts'
import { findNetwork } from '../engine/networks/find-network.ts'
import type { Network } from '../engine/networks/network.ts'
import { familyOf } from '../engine/networks/registry.ts'
import type { Optimizer } from '../engine/optimizers/optimizer.ts'
import { findOptimizer } from '../engine/optimizers/registry.ts'
import { withWeightAverage } from '../engine/optimizers/weight-average.ts'
import { parseWeightGroups } from '../engine/optimizers/weight-groups.ts'
import type { StepSpecification } from '../engine/step/capture.ts'
import { expected } from '../vocabulary/fault.ts'
import { parameterChoices } from './parameter-choices.ts'
import { peerNetworks } from './peers.ts'
import type { RunConfig } from './run-config.ts'

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
    mixing: config.mixup > 0 || config.cutmix > 0,
    smoothing: config.labelSmoothing,
    optimizer: optimizerOf(config),
    ...(config.clipNorm !== null && { clipNorm: config.clipNorm }),
    ...withoutDecay(config),
    ...parameterChoices(config),
  }
}

function optimizerOf(config: RunConfig): Optimizer {
  const optimizer = findOptimizer(config)
  return config.ema === null ? optimizer : withWeightAverage(optimizer, config.ema)
}

function withoutDecay(config: RunConfig): Pick<StepSpecification, 'apart'> {
  const groups = parseWeightGroups(config.noDecay) ?? []
  return groups.length === 0 ? {} : { apart: { groups, optimizer: optimizerOf({ ...config, weightDecay: 0 }) } }
}

/** Settings that say which networks there are. */
export type NetworkSettings = MethodSettings & Pick<RunConfig, 'network' | 'block' | 'method'>

/** @throws UserFault where a network is unknown */
export function findMethod(config: NetworkSettings): Method {
  return METHODS[config.method].create(config, { peers: () => findPeers(config), teacher: () => findTeacher(config) })
}

function findTeacher({ method, teacherNetwork, teacherBlock }: NetworkSettings): Network {
  if (teacherNetwork === null) {
    const remedy = 'Name the network that the teacher is: --teacher-network resnet-110, say.'
    throw expected('a network', `--teacher-network with --method ${method}`, 'nothing', remedy)
  }
  return findNetwork(teacherNetwork, teacherBlock)
}

/** The block is for those peers that leave a choice. */
function findPeers(config: NetworkSettings): Network[] {
  return peerNetworks(config).map((name) => findNetwork(name, familyOf(name)?.leavesBlock ? config.block : 'auto'))
}
