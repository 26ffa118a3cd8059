/** The trained network that KD distils from: which one it is, and its weights. */
import { join } from 'node:path'
import { checkConfig } from '../../config/check-config.ts'
import { DEFAULTS, WITHOUT_METHOD } from '../../config/defaults.ts'
import { withPresentWords } from '../../config/earlier-words.ts'
import { readConfig } from '../../config/make-config.ts'
import { takeOwnAgain } from '../../config/own-modules.ts'
import type { RunConfig } from '../../config/run-config.ts'
import type { LoadedDataset } from '../../data/datasets/dataset.ts'
import type { StateLayout } from '../../engine/graph/state-layout.ts'
import { TEACHER_SCOPE } from '../../engine/methods/method-definition.ts'
import { learnsFromTeacher } from '../../engine/methods/registry.ts'
import { expected } from '../../vocabulary/fault.ts'
import { findCheckpoint, isCheckpointFolder, loadCheckpoint } from '../checkpoint/checkpoint.ts'
import { deployedTensors } from '../checkpoint/export.ts'
import { refuseOtherInput } from '../checkpoint/model-description.ts'
import { loadWeights } from '../checkpoint/state-tensors.ts'
import { isFolder, readTrainedWeights } from '../checkpoint/trained-weights.ts'
import { isOver } from './run-end.ts'

/** What is done with its files, for messages. */
const READING = 'read the teacher'

/** Whether the run trains its teacher itself, before the student. */
export function trainsTeacher({ method, teacher }: RunConfig): boolean {
  return learnsFromTeacher(method) && teacher === null
}

/** The run of a teacher that is trained first: as the student's, in a folder inside the student's. */
export function teacherRun(config: RunConfig): RunConfig {
  const { out, teacherNetwork, teacherBlock, network } = config
  return {
    ...config,
    ...WITHOUT_METHOD,
    recipe: null,
    method: 'vanilla',
    network: teacherNetwork ?? network,
    block: teacherBlock,
    rampUp: 0,
    init: null,
    out: join(out, 'teacher'),
  }
}

/**
 * The configuration with the network of a teacher that was given, as the teacher's own run or file says it.
 * @throws UserFault where there is no such teacher, it is another network than was said, saw other images, or is a file of
 *   weights alone and nothing says which network
 */
export async function resolveTeacher(config: RunConfig): Promise<RunConfig> {
  const { method, teacher, teacherNetwork, dataset } = config
  if (!learnsFromTeacher(method) || teacher === null) return config
  const own = await findNetworkOf(teacher)
  if (own === null) {
    if (teacherNetwork !== null) return config
    const remedy = 'Weights alone do not say which network they are of: name it, --teacher-network resnet-110, say.'
    throw expected('the name of a network', '--teacher-network', 'nothing', remedy)
  }
  if (own.dataset !== dataset) {
    const remedy = 'Train student and teacher on the same images.'
    throw expected(`a teacher trained on ${dataset}`, '--teacher', `${teacher}, trained on ${own.dataset}`, remedy)
  }
  if (teacherNetwork !== null && teacherNetwork !== own.network) {
    throw expected(own.network, '--teacher-network', teacherNetwork, `Leave it out: ${teacher} says it.`)
  }
  return { ...config, teacherNetwork: own.network, teacherBlock: own.block }
}

type TeacherNetwork = Pick<RunConfig, 'network' | 'block'> & { readonly dataset: string }

/** null where nothing but weights is known. */
async function findNetworkOf(teacher: string): Promise<TeacherNetwork | null> {
  const run = await findRun(teacher)
  if (run !== null) return run
  const { description } = await readTrainedWeights(teacher, READING)
  return description === null ? null : { ...description.architecture, dataset: description.dataset }
}

/**
 * Writes the teacher's weights and running averages into the state of a KD step; of an ensemble or a network with branches
 * the first. Other methods have none.
 * @param images that the student is trained on
 * @throws UserFault where they cannot be read, are damaged, of another network, or of other classes or another input than the
 *   student's; the state is then untouched
 */
export async function loadTeacher(
  config: RunConfig,
  layout: StateLayout,
  state: SharedArrayBuffer,
  images: Promise<LoadedDataset>,
): Promise<void> {
  if (!learnsFromTeacher(config.method)) return
  const { tensors, description, source } = await readTrainedWeights(config.teacher ?? teacherRun(config).out, READING)
  if (description !== null) {
    refuseOtherInput(description, `the teacher ${source}`, (await images).description, 'the student')
  }
  const deployed = deployedTensors(tensors, 0, description?.architecture.method ?? null)
  const named = deployed.map((tensor) => ({ ...tensor, name: `${TEACHER_SCOPE}.${tensor.name}` }))
  const own = layout.tensors.filter(({ role, name }) => role === 'frozen' && name.startsWith(`${TEACHER_SCOPE}.`))
  const remedy = 'Name its network (--teacher-network, --teacher-block), or a teacher of the same classes.'
  loadWeights(own, named, state, source, remedy)
}

/** In words that the run of a teacher that was given has not come to its end; null where it has, or nothing is known. */
export async function unfinishedTeacher({ method, teacher }: RunConfig): Promise<string | null> {
  if (!learnsFromTeacher(method) || teacher === null) return null
  const run = await findRun(teacher)
  if (run === null) return null
  const checkpoint = isCheckpointFolder(teacher) ? teacher : await findCheckpoint(teacher, 'latest')
  const { progress } = await loadCheckpoint(checkpoint)
  if (isOver(run, progress)) return null
  const { step, epoch } = progress
  const planned = run.steps === null ? `${run.epochs} epochs` : `${run.steps} steps`
  return `the teacher ${teacher} is taken as it is after step ${step} (epoch ${epoch + 1}): its run is to have ${planned}`
}

/** Configuration of the run that a teacher comes from; null for a file of weights. */
async function findRun(teacher: string): Promise<RunConfig | null> {
  if (!(await isFolder(teacher, READING))) return null
  if (!isCheckpointFolder(teacher)) return await readConfig(teacher)
  const { progress } = await loadCheckpoint(teacher)
  const stored = typeof progress.config === 'object' && progress.config !== null ? progress.config : {}
  await takeOwnAgain({ ...stored }, {}, teacher)
  return checkConfig({ ...DEFAULTS, ...WITHOUT_METHOD, ...withPresentWords({ ...stored }) }, new Set(), teacher)
}
