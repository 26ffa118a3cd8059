/** The trained network that KD distils from: which one it is, and its weights. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { findCheckpoint, isCheckpointFolder, loadCheckpoint, MODEL_FILE } from '../checkpoint/checkpoint.ts'
import { deployedTensors } from '../checkpoint/export.ts'
import { readSafetensors } from '../checkpoint/safetensors.ts'
import { isBatchCounter, loadFrozenWeights } from '../checkpoint/state-tensors.ts'
import { checkConfig } from '../config/check-config.ts'
import { DEFAULTS, WITHOUT_METHOD } from '../config/defaults.ts'
import { readConfig } from '../config/make-config.ts'
import type { RunConfig } from '../config/run-config.ts'
import type { StateLayout } from '../graph/state-layout.ts'
import { expected } from '../vocabulary/fault.ts'
import { fileFault } from '../vocabulary/file-fault.ts'

/** What the teacher owns in a KD step has this prefix. */
const PREFIX = 'teacher.'

/** Whether the run trains its teacher itself, before the student. */
export function trainsTeacher({ method, teacher }: RunConfig): boolean {
  return method === 'kd' && teacher === null
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
 * The configuration with the network of a teacher that was given, as the teacher's own run says it.
 * @throws UserFault where there is no such teacher, it is another network than was said, saw other images, or is a file of
 *   weights alone and nothing says which network
 */
export async function resolveTeacher(config: RunConfig): Promise<RunConfig> {
  const { method, teacher, teacherNetwork, dataset } = config
  if (method !== 'kd' || teacher === null) return config
  const run = await findRun(teacher)
  if (run === null) {
    if (teacherNetwork !== null) return config
    const remedy = 'Weights alone do not say which network they are of: name it, --teacher-network resnet-110, say.'
    throw expected('the name of a network', '--teacher-network', 'nothing', remedy)
  }
  if (run.dataset !== dataset) {
    const remedy = 'Train student and teacher on the same images.'
    throw expected(`a teacher trained on ${dataset}`, '--teacher', `${teacher}, trained on ${run.dataset}`, remedy)
  }
  if (teacherNetwork !== null && teacherNetwork !== run.network) {
    throw expected(run.network, '--teacher-network', teacherNetwork, 'Leave it out: the run of the teacher says it.')
  }
  return { ...config, teacherNetwork: run.network, teacherBlock: run.block }
}

/**
 * Writes the teacher's weights and running averages into the state of a KD step; of an ensemble or a network with branches
 * the first. Other methods have none.
 * @throws UserFault where they cannot be read or are of another network or other classes; the state is then untouched
 */
export async function loadTeacher(config: RunConfig, layout: StateLayout, state: SharedArrayBuffer): Promise<void> {
  if (config.method !== 'kd') return
  const teacher = config.teacher ?? teacherRun(config).out
  const file = await weightsFile(teacher)
  const tensors = deployedTensors(await readSafetensors(file, { ignore: isBatchCounter }), 0)
  const named = tensors.map((tensor) => ({ ...tensor, name: `${PREFIX}${tensor.name}` }))
  loadFrozenWeights(named, layout, state, file)
}

/** In words that the run of a teacher that was given has not come to its end; null where it has, or nothing is known. */
export async function unfinishedTeacher({ method, teacher }: RunConfig): Promise<string | null> {
  if (method !== 'kd' || teacher === null) return null
  const run = await findRun(teacher)
  if (run === null) return null
  const checkpoint = isCheckpointFolder(teacher) ? teacher : await findCheckpoint(teacher, 'latest')
  const { step, epoch } = (await loadCheckpoint(checkpoint)).progress
  const finished = run.steps === null ? epoch >= run.epochs : step >= run.steps
  if (finished) return null
  const planned = run.steps === null ? `${run.epochs} epochs` : `${run.steps} steps`
  return `the teacher ${teacher} is taken as it is after step ${step} (epoch ${epoch + 1}): its run is to have ${planned}`
}

/** Configuration of the run that a teacher comes from; null for a file of weights. */
async function findRun(teacher: string): Promise<RunConfig | null> {
  if (!(await isFolder(teacher))) return null
  if (!isCheckpointFolder(teacher)) return await readConfig(teacher)
  const { progress } = await loadCheckpoint(teacher)
  const stored = typeof progress.config === 'object' && progress.config !== null ? progress.config : {}
  return checkConfig({ ...DEFAULTS, ...WITHOUT_METHOD, ...stored }, new Set(), teacher)
}

async function weightsFile(teacher: string): Promise<string> {
  if (!(await isFolder(teacher))) return teacher
  return join(isCheckpointFolder(teacher) ? teacher : await findCheckpoint(teacher, 'latest'), MODEL_FILE)
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch (error) {
    throw fileFault(error, 'read the teacher', path)
  }
}
