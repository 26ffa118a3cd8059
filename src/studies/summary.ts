import { parseDevices } from '../config/devices.ts'
import type { RunConfig } from '../config/run-config.ts'
import { specifyStep } from '../config/specification.ts'
import type { DatasetDescription } from '../data/datasets/dataset.ts'
import { lowerProgram } from '../engine/executors/cpu/lower-program.ts'
import { loadNativeAddon } from '../engine/executors/cpu/native-addon.ts'
import { forwardFlopsPerImage, nodeFlops } from '../engine/graph/flops.ts'
import { type Program, typeOf } from '../engine/graph/program.ts'
import { METHODS } from '../engine/methods/registry.ts'
import { captureEvaluation } from '../engine/step/evaluation-program.ts'
import { captureTrainingStep, type TrainingStep } from '../engine/step/training-program.ts'
import { shareCores } from '../train/replicas/share-cores.ts'
import { allowedCores } from '../vocabulary/allowed-cores.ts'
import { UserFault } from '../vocabulary/fault.ts'
import { elementCount, type Shape } from '../vocabulary/shape.ts'
import { plainNetwork, weightCount } from './training-cost.ts'

export interface LayerSummary {
  /** PyTorch's module name. */
  readonly name: string
  readonly operation: string
  /** Of one image. */
  readonly output: Shape
  readonly parameters: number
  /** 2 x multiply-adds of one image's forward pass. */
  readonly flops: number
}

export interface NetworkCost {
  readonly parameters: number
  /** 2 x multiply-adds of one image's forward pass. */
  readonly flops: number
}

/** What `native-ensemble summary` prints. */
export interface NetworkSummary {
  readonly layers: readonly LayerSummary[]
  /** One branch, as it is deployed: the paper's TeCost. */
  readonly deployed: NetworkCost
  /** Everything that a training step computes, the teacher of KD included: the paper's TrCost. */
  readonly trained: NetworkCost
  /** All that is deployed where the ensemble is: ONE-E, the networks of an ensemble, all snapshots; null where there is none. */
  readonly ensemble: NetworkCost | null
  /** Memory of a training step on the executor cpu, all replicas and threads together. */
  readonly memory: readonly { readonly name: string; readonly bytes: number }[]
}

/** What most CPUs with AVX-512 have; where the addon is built it says what this one has. */
const USUAL_KERNELS = { block: 16, ownConvolutions: true }

/**
 * @param description of the images, as describeForSummary gives it
 * @throws UserFault for a configuration that fits no network
 */
export function summarise(config: RunConfig, description: DatasetDescription): NetworkSummary {
  const { replicas } = parseDevices(config.devices)
  const specification = specifyStep(config, description, replicas)
  const deployed = costOf(captureTrainingStep(specifyStep(plainNetwork(config), description, replicas)))
  const trained = costOf(captureTrainingStep(specification))
  return {
    layers: layersOf(captureEvaluation(specification)),
    deployed,
    trained,
    ensemble: ensembleCost(config, deployed, trained),
    memory: memoryOf(config, description, replicas),
  }
}

function costOf({ program, parameters }: TrainingStep): NetworkCost {
  return { parameters: weightCount(parameters), flops: forwardFlopsPerImage(program) }
}

function ensembleCost({ method, snapshots }: RunConfig, deployed: NetworkCost, trained: NetworkCost) {
  switch (METHODS[method].ensemble) {
    case 'trained':
      return trained
    case 'snapshots':
      return { parameters: snapshots * deployed.parameters, flops: snapshots * deployed.flops }
    case 'none':
      return null
  }
}

/** Operations that a reader counts as layers, with their parameters. */
function layersOf(program: Program): LayerSummary[] {
  const states = new Set(program.states.map(({ value }) => value))
  const casts = new Map(
    program.nodes.flatMap(({ op, inputs, outputs }) => (op === 'Cast' ? [[outputs[0], inputs[0]]] : [])),
  )
  return program.nodes.flatMap((node): LayerSummary[] => {
    const [output = -1] = node.outputs
    const shape = typeOf(program, output).shape
    if (node.op === 'Cast' || shape.length < 2) return []
    const own = node.inputs.map((id) => casts.get(id) ?? id).filter((id) => states.has(id))
    // Mean and variance of a batch norm are statistics, not parameters.
    const weights = node.op === 'BatchNormInference' ? own.slice(0, 2) : own
    const parameters = weights.reduce((sum, id) => sum + elementCount(typeOf(program, id).shape), 0)
    const flops = nodeFlops(program, node) / program.batch
    return [{ name: node.label, operation: node.op, output: shape.slice(1), parameters, flops }]
  })
}

function memoryOf(config: RunConfig, description: DatasetDescription, replicas: number): NetworkSummary['memory'] {
  const { program, layout } = captureTrainingStep(specifyStep(config, description, replicas))
  const cores = shareCores(allowedCores(), replicas)
  const threads = cores[0]?.length ?? 1
  const { plan, memory } = lowerProgram(program, layout, {
    threads,
    lean: true,
    ...kernelsOf(config.precision),
  })
  const all = replicas * threads
  const slots = [...new Set(layout.tensors.flatMap(({ slot }) => slot ?? []))]
  const statistics = layout.elements - (1 + slots.length) * layout.weightElements
  const frozen = layout.tensors.filter(({ role }) => role === 'frozen').length
  return [
    { name: 'weights', bytes: 4 * layout.weightElements },
    ...slots.map((name) => ({ name, bytes: 4 * layout.weightElements })),
    { name: frozen === 0 ? 'running averages' : 'running averages and teacher', bytes: 4 * statistics },
    {
      name: replicas === 1 ? 'gradients' : `gradients (${replicas} replicas)`,
      bytes: 4 * replicas * plan.gradientElements,
    },
    { name: `activations (${all} threads, reused by liveness)`, bytes: all * memory.bytes },
    { name: 'activations without reuse', bytes: all * memory.bytesWithoutReuse },
  ]
}

function kernelsOf(precision: RunConfig['precision']): typeof USUAL_KERNELS {
  try {
    const { blockF32, blockBf16, winogradChannels } = loadNativeAddon().machine()
    return { block: precision === 'bf16' ? blockBf16 : blockF32, ownConvolutions: winogradChannels > 0 }
  } catch (error) {
    if (error instanceof UserFault) return USUAL_KERNELS
    throw error
  }
}
