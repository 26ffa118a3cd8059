/**
 * A checkpoint is one folder, `checkpoints/step-00001234`, with `model.safetensors` and `state.msgpack`. It is written
 * aside, brought to the disk (fsync) and renamed, so a folder of that name is whole whatever ended the process.
 */
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { crc32 } from 'node:zlib'
import { DamagedFile, expected, withRemedy } from '../../vocabulary/fault.ts'
import { fileErrorCode, fileFault } from '../../vocabulary/file-fault.ts'
import { checkpointBytes, refuseFullDisk } from './disk-space.ts'
import { type KeepRule, keptCheckpoints } from './kept-checkpoints.ts'
import { descriptionMetadata, type ModelDescription, readDescription } from './model-description.ts'
import { decodeRunState, encodeRunState, type RunProgress, WITHOUT_CHECKSUM } from './run-state.ts'
import { readSafetensorsFile, writeSafetensors } from './safetensors.ts'
import type { StateSnapshot } from './state-tensors.ts'

/** A run at one moment. */
export interface Checkpoint {
  readonly progress: RunProgress
  readonly tensors: StateSnapshot
  /** What was trained and on what; null in checkpoints from before they said so. */
  readonly description: ModelDescription | null
}

export const MODEL_FILE = 'model.safetensors'
export const STATE_FILE = 'state.msgpack'

const FOLDER_NAME = /^step-(\d{8,})$/
const ASIDE_PREFIX = '.tmp-'

/** Whether a folder's name is that of a checkpoint. */
export const isCheckpointFolder = (folder: string) => FOLDER_NAME.test(basename(folder))

/** Where a run keeps its checkpoints. */
export const checkpointsFolder = (runFolder: string) => join(runFolder, 'checkpoints')

/** Folder of the checkpoint of a step. */
export function checkpointFolder(runFolder: string, step: number): string {
  return join(checkpointsFolder(runFolder), `step-${String(step).padStart(8, '0')}`)
}

/**
 * Saves a run and then removes old checkpoints.
 * @param rule which of them stay; a number = the last so many, and the best
 * @returns the checkpoint's folder
 * @throws UserFault where the folder cannot be written (permissions, full disk); earlier checkpoints stay as they are
 */
export async function saveCheckpoint(
  runFolder: string,
  checkpoint: Checkpoint,
  rule: KeepRule | number,
): Promise<string> {
  const parent = checkpointsFolder(runFolder)
  const folder = checkpointFolder(runFolder, checkpoint.progress.step)
  const aside = join(parent, `${ASIDE_PREFIX}${basename(folder)}`)
  try {
    await mkdir(parent, { recursive: true })
    await rm(aside, { recursive: true, force: true })
    await refuseFullDisk(parent, snapshotBytes(checkpoint.tensors))
    await mkdir(aside)
    const { model, optimizer } = checkpoint.tensors
    const metadata = { format: 'pt', ...descriptionMetadata(checkpoint.description) }
    const modelChecksum = await writeSafetensors(join(aside, MODEL_FILE), model, metadata)
    const state = encodeRunState({ progress: checkpoint.progress, optimizer, modelChecksum })
    await writeDurably(join(aside, STATE_FILE), state)
    await syncFolder(aside)
    await replaceFolder(aside, folder)
    await syncFolder(parent)
    await removeOld(runFolder, checkpoint.progress, typeof rule === 'number' ? { keep: rule, stepsPerEpoch: 1 } : rule)
  } catch (error) {
    await rm(aside, { recursive: true, force: true }).catch(() => {}) // The first error is the one to tell.
    throw fileFault(error, 'save a checkpoint in', parent)
  }
  return folder
}

/**
 * @param folder one checkpoint's folder
 * @throws UserFault where it is none, or any byte of its files is not what was written, or they are of different checkpoints
 */
export async function loadCheckpoint(folder: string): Promise<Checkpoint> {
  const modelPath = join(folder, MODEL_FILE)
  const statePath = join(folder, STATE_FILE)
  try {
    const { progress, optimizer, modelChecksum, version } = decodeRunState(await readBytes(statePath), statePath)
    const model = await readSafetensorsFile(modelPath)
    const received = version === WITHOUT_CHECKSUM ? crc32(await readBytes(modelPath)) : model.checksum
    if (received !== modelChecksum) {
      const message = `Expected the weights that were saved with ${statePath} for ${modelPath} but received others.`
      throw new DamagedFile(message, 'Take both files from one copy.')
    }
    return {
      progress,
      tensors: { model: model.tensors, optimizer },
      description: readDescription(model.metadata, modelPath),
    }
  } catch (error) {
    throw withRemedy(error, await otherCheckpoints(folder))
  }
}

/** What to do about a damaged checkpoint. */
async function otherCheckpoints(folder: string): Promise<string> {
  const run = dirname(dirname(folder))
  const others = (await listCheckpoints(run).catch(() => [])).filter((step) => checkpointFolder(run, step) !== folder)
  if (others.length === 0) return `There is no other checkpoint in ${dirname(folder)}: take this one from a copy.`
  return (
    `There are checkpoints of other steps (${others.join(', ')}): evaluate, export and robustness take one with --checkpoint <step>; ` +
    `resume takes the newest, so move ${folder} away for it.`
  )
}

/** Steps that have a checkpoint, ascending; folders that were being written when a process ended do not count. */
export async function listCheckpoints(runFolder: string): Promise<number[]> {
  try {
    const names = await readdir(checkpointsFolder(runFolder))
    const steps = names.flatMap((name) => FOLDER_NAME.exec(name)?.[1] ?? [])
    return steps.map(Number).sort((left, right) => left - right)
  } catch (error) {
    if (fileErrorCode(error) === 'ENOENT') return []
    throw fileFault(error, 'read', checkpointsFolder(runFolder))
  }
}

/** Folder of the newest checkpoint, null where there is none. */
export async function latestCheckpoint(runFolder: string): Promise<string | null> {
  const step = (await listCheckpoints(runFolder)).at(-1)
  return step === undefined ? null : checkpointFolder(runFolder, step)
}

/**
 * Folder of the checkpoint of `step`, of the newest, or of the best that the newest knows of.
 * @throws UserFault that names the steps there are
 */
export async function findCheckpoint(runFolder: string, wanted: number | 'latest' | 'best'): Promise<string> {
  const steps = await listCheckpoints(runFolder)
  const step = wanted === 'best' ? await bestStep(runFolder) : wanted
  const found = step === 'latest' ? steps.at(-1) : steps.find((candidate) => candidate === step)
  if (found !== undefined) return checkpointFolder(runFolder, found)
  if (steps.length === 0) {
    throw expected(
      'a run with a checkpoint',
      'the run folder',
      runFolder,
      'Train it first, or name another run folder.',
    )
  }
  throw expected(`one of the steps ${steps.join(', ')}`, 'the checkpoint', step, 'Name one of them.')
}

/** Step of the best evaluation; the newest step where none was done yet. */
async function bestStep(runFolder: string): Promise<number | 'latest'> {
  const newest = await latestCheckpoint(runFolder)
  if (newest === null) return 'latest'
  const statePath = join(newest, STATE_FILE)
  const { progress } = decodeRunState(await readBytes(statePath), statePath)
  return progress.best?.step ?? 'latest'
}

async function removeOld(runFolder: string, { step: saved, best }: RunProgress, rule: KeepRule): Promise<void> {
  const steps = await listCheckpoints(runFolder)
  const kept = keptCheckpoints(steps, saved, best?.step ?? null, rule)
  for (const step of steps) {
    if (!kept.has(step)) await removeFolder(checkpointFolder(runFolder, step))
  }
}

/** Renames first: a folder that is half removed must not look like a checkpoint. */
async function removeFolder(folder: string): Promise<void> {
  await rm(await moveAside(folder), { recursive: true })
}

/** @returns where the folder is now, under a name that is no checkpoint's */
async function moveAside(folder: string): Promise<string> {
  const aside = join(dirname(folder), `${ASIDE_PREFIX}old-${basename(folder)}`)
  await rm(aside, { recursive: true, force: true })
  await rename(folder, aside)
  return aside
}

async function replaceFolder(aside: string, folder: string): Promise<void> {
  try {
    await rename(aside, folder)
  } catch (error) {
    const code = fileErrorCode(error)
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error
    const before = await moveAside(folder)
    await rename(aside, folder)
    await rm(before, { recursive: true })
  }
}

function snapshotBytes({ model, optimizer }: StateSnapshot): number {
  const sizes = [...model.map(({ data }) => data.length), ...[...optimizer.values()].map(({ length }) => length)]
  return checkpointBytes(
    sizes.length,
    sizes.reduce((sum, size) => sum + size, 0),
  )
}

async function writeDurably(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'w')
  try {
    await file.writeFile(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Brings names of a folder's files to the disk. */
async function syncFolder(folder: string): Promise<void> {
  const handle: FileHandle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function readBytes(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path)
  } catch (error) {
    throw fileFault(error, 'read', path)
  }
}
