/** What is deployed of a run or an export: one classifier, the program that computes it, its weights, its images. */
import { stat } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { WITHOUT_METHOD } from '../../config/defaults.ts'
import { readConfig } from '../../config/make-config.ts'
import { findMethod } from '../../config/specification.ts'
import type { Program } from '../../engine/graph/program.ts'
import { METHODS } from '../../engine/methods/registry.ts'
import { snapshotEnsemble, snapshotScope } from '../../engine/methods/snapshot.ts'
import { findNetwork } from '../../engine/networks/find-network.ts'
import { captureInference } from '../../engine/step/inference-program.ts'
import { averagedWeights } from '../../train/checkpoint/averaged-weights.ts'
import { findCheckpoint, loadCheckpoint } from '../../train/checkpoint/checkpoint.ts'
import { deployedTensors } from '../../train/checkpoint/export.ts'
import {
  describeDeployed,
  type ModelDescription,
  readDescription,
  refuseOtherNetwork,
} from '../../train/checkpoint/model-description.ts'
import { type NamedTensor, readSafetensorsFile } from '../../train/checkpoint/safetensors.ts'
import { openRunFolder } from '../../train/run/run-folder.ts'
import { readSnapshots, snapshotsTaken } from '../../train/run/snapshots.ts'
import { ENSEMBLE } from '../../vocabulary/classifiers.ts'
import { expected } from '../../vocabulary/fault.ts'
import { fileFault } from '../../vocabulary/file-fault.ts'
import { imagePreparation } from './image-preparation.ts'
import type { ImagePreparation } from './prepare-image.ts'

/** One of the networks that were trained together, by its number, or the classifier that they make together. */
export type MemberChoice = number | 'ensemble'

export interface ModelChoice {
  /** Default: what an export holds; member 0 of a run. */
  readonly member?: MemberChoice | undefined
  /** Of a run (default: latest). */
  readonly checkpoint?: number | 'latest' | 'best' | undefined
  /** Of a run with `--ema`: the moving average of its weights (default: the weights). */
  readonly ema?: boolean | undefined
}

export interface DeployedModel {
  /** Where it comes from, for messages. */
  readonly source: string
  readonly member: MemberChoice
  /** Of one member as the plain network that it is; of an ensemble as all that was trained. */
  readonly description: ModelDescription
  readonly preparation: ImagePreparation
  /** The step after which the weights were as they are; null for an export, which may not say. */
  readonly step: number | null
  /** Pixels to logits (inference-program.ts), in f32. */
  capture(batch: number): Program
  /** Of all its states. */
  readonly tensors: readonly NamedTensor[]
}

/** Weights before it is said which of their classifiers is wanted. */
interface FoundWeights {
  readonly source: string
  readonly description: ModelDescription
  readonly step: number | null
  readonly holds: MemberChoice
  readonly tensors: readonly NamedTensor[]
  /** Members of a Snapshot Ensemble lie in files of their own. */
  readonly snapshots: () => Promise<readonly NamedTensor[]>
}

const CHANNELS = 3
/** Settings of objectives, which no prediction depends on. */
const ONLY_TRAINING = { rampUp: 0, temperature: 1 } as const

/**
 * @param source folder of a run, or a safetensors file that `export` wrote
 * @throws UserFault where it is neither, is damaged, or has no such member
 */
export async function openModel(
  source: string | URL,
  { member, checkpoint, ema = false }: ModelChoice = {},
): Promise<DeployedModel> {
  const path = source instanceof URL ? fileURLToPath(source) : source
  const found = (await isFolder(path))
    ? await openRun(path, checkpoint ?? 'latest', ema)
    : await openExport(path, { checkpoint, ema })
  const chosen = member ?? found.holds
  if (chosen !== 'ensemble' && !(Number.isSafeInteger(chosen) && chosen >= 0)) {
    throw expected('the number of a member, from 0, or ensemble', 'member', chosen, 'Correct it, or leave it out.')
  }
  return chosen === 'ensemble' ? await ensembleOf(found) : memberOf(found, chosen)
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch (error) {
    throw fileFault(error, 'read', path)
  }
}

async function openRun(run: string, choice: number | 'latest' | 'best', ema: boolean): Promise<FoundWeights> {
  await openRunFolder(run)
  const config = await readConfig(run)
  const folder = await findCheckpoint(run, choice)
  const { description, tensors, progress } = await loadCheckpoint(folder)
  if (description === null) {
    const remedy = 'Export it to safetensors, which needs neither, or train anew.'
    throw expected('a checkpoint that says its classes and input', folder, 'one from before they did', remedy)
  }
  refuseOtherNetwork(description, folder, config, run)
  const { model } = ema ? averagedWeights(tensors, folder) : tensors
  const snapshots = async () => {
    const taken = snapshotsTaken(config, progress.epoch)
    if (taken > 0) return await readSnapshots(config, taken)
    throw expected('a snapshot or more', run, 'none yet', 'The first is taken at the end of the first cycle.')
  }
  return { source: folder, description, step: progress.step, holds: 0, tensors: model, snapshots }
}

async function openExport(path: string, { checkpoint, ema }: ModelChoice): Promise<FoundWeights> {
  if (ema === true) {
    throw expected('the folder of a run', '--ema', path, 'Leave it out: an export holds one or the other.')
  }
  if (checkpoint !== undefined) {
    const remedy = 'Leave the checkpoint out: an export is of one.'
    throw expected('the folder of a run', 'a model with a checkpoint to be chosen', path, remedy)
  }
  const { tensors, metadata } = await readSafetensorsFile(path)
  const description = readDescription(metadata, path)
  if (description === null) {
    const remedy = 'Name a run, or a file that native-ensemble export wrote: it says its network, classes and input.'
    throw expected('weights that say what they are of', path, 'a file without a description of ours', remedy)
  }
  const holds = metadata['member'] === ENSEMBLE_MEMBER ? 'ensemble' : 0
  const snapshots = async () => {
    const own = tensors.filter(({ name }) => name.startsWith(`${snapshotScope(0).split('.')[0]}.`))
    if (own.length > 0) return own
    throw expected('the snapshots of all cycles', path, 'one network', 'Name the run, or an export of the ensemble.')
  }
  return { source: path, description, step: null, holds, tensors, snapshots }
}

/** What the metadata of a file that holds an ensemble says as `member`. */
const ENSEMBLE_MEMBER = JSON.stringify('ensemble')

function memberOf({ source, description, step, tensors }: FoundWeights, member: number): DeployedModel {
  const { method } = description.architecture
  const isOfSnapshots = tensors.some(({ name }) => name.startsWith(`${snapshotScope(member)}.`))
  const own = isOfSnapshots ? ofSnapshot(tensors, member) : deployedTensors(tensors, member, method)
  return complete({ source, step, member, description: describeDeployed(description, member), classifier: '0' }, own)
}

function ofSnapshot(tensors: readonly NamedTensor[], member: number): NamedTensor[] {
  const prefix = `${snapshotScope(member)}.`
  return tensors.flatMap((tensor) =>
    tensor.name.startsWith(prefix) ? [{ ...tensor, name: tensor.name.slice(prefix.length) }] : [],
  )
}

async function ensembleOf({ source, description, step, tensors, snapshots }: FoundWeights): Promise<DeployedModel> {
  const { method } = description.architecture
  const { ensemble } = METHODS[method]
  if (ensemble === 'none') {
    const remedy = 'Choose a member by its number: 0, say.'
    throw expected('a method whose members make an ensemble', source, `one of ${method}`, remedy)
  }
  const what = { source, step, member: 'ensemble', description, classifier: ENSEMBLE } as const
  return complete(what, ensemble === 'snapshots' ? await snapshots() : tensors)
}

function complete(
  what: Pick<DeployedModel, 'source' | 'member' | 'description' | 'step'> & { readonly classifier: string },
  given: readonly NamedTensor[],
): DeployedModel {
  const { classifier, ...model } = what
  const { classNames, height, width, mean, std, dataset, architecture } = model.description
  const network = findNetwork(architecture.network, architecture.block)
  const scope = snapshotScope(0).split('.')[0] ?? ''
  const members = new Set(given.flatMap(({ name }) => (name.startsWith(`${scope}.`) ? [name.split('.')[1]] : [])))
  const method =
    members.size > 0
      ? snapshotEnsemble(members.size)
      : findMethod({ ...ONLY_TRAINING, ...WITHOUT_METHOD, ...architecture })
  const input = { height, width, channels: CHANNELS, mean, std }
  const capture = (batch: number) =>
    captureInference({ network, method, classes: classNames.length, batch, dtype: 'f32', input }, classifier)
  const read = new Set(capture(1).states.map(({ name }) => name))
  return {
    ...model,
    preparation: imagePreparation(dataset, { height, width }),
    capture,
    tensors: given.filter(({ name }) => read.has(name)),
  }
}
