/** Every network and every ensemble that can be deployed, with drawn weights, on small images. */

import { WITHOUT_METHOD } from '../../src/config/defaults.ts'
import type { Executor } from '../../src/engine/executors/executor.ts'
import { type Program, typeOf } from '../../src/engine/graph/program.ts'
import type { Method } from '../../src/engine/methods/method.ts'
import { one } from '../../src/engine/methods/one.ts'
import { METHOD_NAMES, METHODS } from '../../src/engine/methods/registry.ts'
import { snapshotEnsemble } from '../../src/engine/methods/snapshot.ts'
import { vanilla } from '../../src/engine/methods/vanilla.ts'
import { findNetwork } from '../../src/engine/networks/find-network.ts'
import type { Network } from '../../src/engine/networks/network.ts'
import { familyOf, NETWORK_FAMILIES } from '../../src/engine/networks/registry.ts'
import { captureInference, LOGITS } from '../../src/engine/step/inference-program.ts'
import type { NamedTensor } from '../../src/train/checkpoint/safetensors.ts'
import { ENSEMBLE } from '../../src/vocabulary/classifiers.ts'
import { elementCount } from '../../src/vocabulary/shape.ts'
import { normals, pixels, positives } from '../support/random-tensors.ts'
import { runProgram } from '../support/run-program.ts'

export const IMAGES = 3
export const SIDE = 32
/** Of the images' colours. */
export const DRAWN_INPUT = { mean: [0.49, 0.48, 0.45], std: [0.2, 0.19, 0.21] } as const
const CLASSES = 5
const SEED = 5

export interface DrawnModel {
  readonly name: string
  readonly capture: (batch: number) => Program
  readonly tensors: ReadonlyMap<string, NamedTensor>
}

/** The smallest of each family; of others its own first example. */
const SMALL = ['resnet-8', 'resnext-11-2x4d', 'densenet-bc-10-4', 'wrn-10-1', 'imagenet-resnet-18']

/** Operations and geometries that the networks above have not, or only where they are large. */
const OTHER_OPERATIONS: Network = {
  name: 'other operations',
  trunk: (layers, images) => {
    const stem = layers.conv('stem', images, 8, 3, { stride: 2 })
    const pooled = layers.maxPool('pool', stem, { kernel: 3, stride: 2, padding: 1 })
    const wide = layers.batchNorm('bn', layers.conv('depthwise', pooled, 8, 3, { groups: 8 }), { activation: 'relu6' })
    const mean = layers.averagePool('mean', wide, { kernel: 3, stride: 1, padding: 1 })
    const grouped = layers.conv('grouped', layers.concat([wide, mean]), 8, 3, { groups: 2 })
    return layers.activation('gelu', layers.activation('silu', grouped, 'silu'), 'gelu')
  },
  branch: (layers, features, classes) => layers.linear('fc', layers.globalAveragePool('avgpool', features), classes),
}

function networkNames(): string[] {
  return NETWORK_FAMILIES.flatMap((family) => {
    const small = SMALL.filter((name) => familyOf(name) === family)
    return small.length > 0 ? small : [family.examples[0]!]
  })
}

function methodsWithEnsembles(): [name: string, method: Method][] {
  const network = findNetwork('resnet-8', 'auto')
  const others = { peers: () => [network, network], teacher: () => network }
  const trained = METHOD_NAMES.filter((name) => METHODS[name].ensemble === 'trained')
  const settings = { ...WITHOUT_METHOD, rampUp: 0, temperature: 3, branches: 3, peers: '2' }
  return [
    ...trained.map((name): [string, Method] => [name, METHODS[name].create(settings, others)]),
    ['one without gating', one({ branches: 3, temperature: 3, gate: 'average' })],
    ['one without sharing', one({ branches: 2, temperature: 3, share: 'none' })],
    ['snapshots', snapshotEnsemble(2)],
  ]
}

export function drawnModels(): DrawnModel[] {
  return [
    ...networkNames().map((name) => draw(name, findNetwork(name, 'auto'), vanilla(), '0')),
    draw(OTHER_OPERATIONS.name, OTHER_OPERATIONS, vanilla(), '0'),
    ...methodsWithEnsembles().map(([name, method]) =>
      draw(`ensemble of ${name}`, findNetwork('resnet-8', 'auto'), method, ENSEMBLE),
    ),
  ]
}

/** resnet-8 with so many classes. */
export const drawPlainCifar = (classes: number) =>
  draw('resnet-8', findNetwork('resnet-8', 'auto'), vanilla(), '0', classes)

function draw(name: string, network: Network, method: Method, classifier: string, classes = CLASSES): DrawnModel {
  const specification = {
    ...{ network, method, classes, dtype: 'f32' as const },
    input: { height: SIDE, width: SIDE, channels: 3, ...DRAWN_INPUT },
  } as const
  const capture = (batch: number) => captureInference({ ...specification, batch }, classifier)
  const program = capture(1)
  const tensors = program.states.map(({ name: tensor, value }, stream): [string, NamedTensor] => {
    const { shape } = typeOf(program, value)
    const count = elementCount(shape)
    const deviation = shape.length > 1 ? Math.sqrt(2 / elementCount(shape.slice(1))) : 0.1
    const isPositive = tensor.endsWith('running_var') || (shape.length === 1 && tensor.endsWith('weight'))
    const drawn = normals(count, SEED, stream).map((value) => deviation * value)
    return [tensor, { name: tensor, shape, data: isPositive ? positives(count, SEED, stream) : drawn }]
  })
  return { name, capture, tensors: new Map(tensors) }
}

/** u8 [IMAGES, SIDE, SIDE, 3]. */
export const drawnPixels = () => pixels(IMAGES * SIDE * SIDE * 3, SEED)

/** What an executor makes of them, [IMAGES, classes]. */
export function logitsOf({ capture, tensors }: DrawnModel, executor: Executor): Float32Array {
  const state = new Map([...tensors].map(([name, { data }]) => [name, data]))
  const run = runProgram(executor, capture(IMAGES), { state, images: drawnPixels() })
  return run.outputs.get(LOGITS)!
}
