/** What it costs to train a configuration, in floating point operations; nothing is run. */
import { WITHOUT_METHOD } from '../config/defaults.ts'
import type { RunConfig } from '../config/run-config.ts'
import { CATALOGUE } from '../datasets/catalogue.ts'
import { describeForSummary } from '../datasets/describe-dataset.ts'
import { ILSVRC2012 } from '../datasets/ilsvrc2012.ts'
import { defaultDataFolder } from '../datasets/load-dataset.ts'
import { readManifest } from '../datasets/shard-manifest.ts'
import { forwardFlopsPerImage } from '../graph/flops.ts'
import { captureEvaluation } from '../step/evaluation-program.ts'
import { specifyStep } from '../step/specification.ts'
import { isPrepared } from '../vocabulary/dataset-name.ts'

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
  const perEpoch = Math.round(config.trainFraction * (await trainingImages(config)))
  const seen = config.steps === null ? config.epochs * perEpoch : config.steps * config.batch
  const student = await forwardFlops(config)
  const teacherNetwork = teacherConfig(config)
  const teacher = teacherNetwork === null ? 0 : await forwardFlops(teacherNetwork)
  const stepFlops = FORWARD_AND_BACKWARD * student + teacher
  const before = config.teacher === null ? FORWARD_AND_BACKWARD * teacher * seen : 0
  return { trainFlops: student + teacher, stepFlops, totalFlops: stepFlops * seen + before }
}

/** The plain network that is the teacher of kd; null where there is none, or only its run says which. */
function teacherConfig(config: RunConfig): RunConfig | null {
  const { method, teacherNetwork, teacherBlock } = config
  if (method !== 'kd' || teacherNetwork === null) return null
  return plainNetwork({ ...config, network: teacherNetwork, block: teacherBlock })
}

function plainNetwork(config: RunConfig): RunConfig {
  return { ...config, ...WITHOUT_METHOD, method: 'vanilla', schedule: 'step' }
}

/** Of one image through all networks of the method but a frozen teacher. */
async function forwardFlops(config: RunConfig): Promise<number> {
  const trained = config.method === 'kd' || config.method === 'snapshot' ? plainNetwork(config) : config
  const description = await describeForSummary(config)
  return forwardFlopsPerImage(captureEvaluation(specifyStep({ ...trained, batch: 1 }, description, 1)))
}

async function trainingImages({ dataset, data }: RunConfig): Promise<number> {
  if (!isPrepared(dataset)) return CATALOGUE[dataset].images.train
  if (dataset === 'imagenet' && data === null) return ILSVRC2012.images.train
  return (await readManifest(data ?? defaultDataFolder(dataset))).splits.train.count
}
