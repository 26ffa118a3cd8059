/** What it costs to train a configuration, in floating point operations; nothing is run. */
import { WITHOUT_METHOD } from '../config/defaults.ts'
import type { TableRow } from '../config/recipe.ts'
import type { RunConfig } from '../config/run-config.ts'
import { specifyStep } from '../config/specification.ts'
import { CATALOGUE } from '../data/datasets/catalogue.ts'
import { describeForSummary } from '../data/datasets/describe-dataset.ts'
import { ILSVRC2012 } from '../data/datasets/ilsvrc2012.ts'
import { defaultDataFolder } from '../data/datasets/load-dataset.ts'
import { readManifest } from '../data/datasets/shard-manifest.ts'
import { forwardFlopsPerImage } from '../engine/graph/flops.ts'
import type { Parameter } from '../engine/graph/graph-builder.ts'
import { learnsFromTeacher, METHODS, takesSnapshots } from '../engine/methods/registry.ts'
import { captureEvaluationStep } from '../engine/step/evaluation-program.ts'
import type { DeploymentCost } from '../report/result-tables.ts'
import { isPrepared } from '../vocabulary/dataset-name.ts'
import { expected, UserFault } from '../vocabulary/fault.ts'
import { isOwn } from '../vocabulary/own-definitions.ts'
import { elementCount } from '../vocabulary/shape.ts'

/** The two gradients of a layer, by its input and by its weights, each take as many operations as its forward pass. */
const FORWARD_AND_BACKWARD = 3

export interface TrainingCost {
  /** Forward pass of one image through everything that is trained, 2 x multiply-adds: the paper's TrCost. */
  readonly trainFlops: number
  /** Training on one image: all forward and backward passes. */
  readonly stepFlops: number
  /** The whole training, with that of a teacher that is trained first; evaluations not counted. */
  readonly totalFlops: number
}

/** @throws UserFault for a configuration that fits no network, and for prepared images that are not there */
export async function trainingCost(config: RunConfig): Promise<TrainingCost> {
  const perEpoch = Math.round(config.trainFraction * (await orAsPublished(config, trainingImages)))
  const seen = config.steps === null ? config.epochs * perEpoch : config.steps * config.batch
  const student = await forwardFlops(config)
  const teacherNetwork = teacherConfig(config)
  const teacher = teacherNetwork === null ? 0 : await forwardFlops(teacherNetwork)
  const stepFlops = FORWARD_AND_BACKWARD * student + teacher
  const before = config.teacher === null ? FORWARD_AND_BACKWARD * teacher * seen : 0
  return { trainFlops: student + teacher, stepFlops, totalFlops: stepFlops * seen + before }
}

/**
 * What the paper's tables say of a result: figures of all that is trained, and of what is deployed.
 * @param figure `branches` = one plain network is deployed, `teacher` = the whole ensemble
 * @returns null where the network cannot be captured here, as for prepared images that are not there
 */
export async function deploymentCost(config: RunConfig, figure: TableRow['figure']): Promise<DeploymentCost | null> {
  try {
    const { trainFlops } = await trainingCost(config)
    const snapshots = takesSnapshots(config.method)
    const deployed = await captureForward(figure === 'teacher' && !snapshots ? config : plainNetwork(config))
    const copies = figure === 'teacher' && snapshots ? config.snapshots : 1
    return {
      trainFlops,
      testFlops: copies * forwardFlopsPerImage(deployed.program),
      parameters: copies * weightCount(deployed.parameters),
    }
  } catch (error) {
    if (error instanceof UserFault) return null
    throw error
  }
}

/** Parameters of a network: all that layers declare but the statistics of batch norm. */
export function weightCount(parameters: readonly Parameter[]): number {
  const weights = parameters.filter(({ kind }) => kind === 'weight' || kind === 'frozen')
  return weights.reduce((sum, { value }) => sum + elementCount(value.shape), 0)
}

/** The plain network that is the teacher; null where there is none, or only its run says which. */
function teacherConfig(config: RunConfig): RunConfig | null {
  const { method, teacherNetwork, teacherBlock } = config
  if (!learnsFromTeacher(method) || teacherNetwork === null) return null
  return plainNetwork({ ...config, network: teacherNetwork, block: teacherBlock })
}

/** One network of a run's, as it is deployed alone. */
export function plainNetwork(config: RunConfig): RunConfig {
  return { ...config, ...WITHOUT_METHOD, method: 'vanilla', schedule: 'step' }
}

/** Of one image through all networks of the method but a frozen teacher. */
async function forwardFlops(config: RunConfig): Promise<number> {
  const alone = METHODS[config.method].members.scope === null
  return forwardFlopsPerImage((await captureForward(alone ? plainNetwork(config) : config)).program)
}

async function captureForward(config: RunConfig): Promise<ReturnType<typeof captureEvaluationStep>> {
  const description = await orAsPublished(config, describeForSummary)
  return captureEvaluationStep(specifyStep({ ...config, batch: 1 }, description, 1))
}

/** ImageNet's shards need not be there for what is published of it. */
async function orAsPublished<Known>(config: RunConfig, find: (config: RunConfig) => Promise<Known>): Promise<Known> {
  try {
    return await find(config)
  } catch (error) {
    if (config.dataset !== 'imagenet' || !(error instanceof UserFault)) throw error
    return await find({ ...config, data: null })
  }
}

async function trainingImages({ dataset, data }: RunConfig): Promise<number> {
  if (isOwn('dataset', dataset)) throw expected('a dataset of the package', 'its number of images', dataset, '')
  if (!isPrepared(dataset)) return CATALOGUE[dataset].images.train
  if (dataset === 'imagenet' && data === null) return ILSVRC2012.images.train
  return (await readManifest(data ?? defaultDataFolder(dataset))).splits.train.count
}
