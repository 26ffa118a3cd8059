/** Weights that were trained before, wherever they lie: a run, a checkpoint, a safetensors file. */
import { stat } from 'node:fs/promises'
import { fileFault } from '../../vocabulary/file-fault.ts'
import { findCheckpoint, isCheckpointFolder, loadCheckpoint } from './checkpoint.ts'
import { type ModelDescription, readDescription } from './model-description.ts'
import { type NamedTensor, readSafetensorsFile } from './safetensors.ts'
import { isBatchCounter } from './state-tensors.ts'

export interface TrainedWeights {
  readonly tensors: readonly NamedTensor[]
  /** null where the file does not say what it is of. */
  readonly description: ModelDescription | null
  /** File or folder that they come from. */
  readonly source: string
}

/**
 * @param place run folder (its newest checkpoint), checkpoint folder or safetensors file
 * @param reading what is done, for the message: `read`, `read the teacher`
 * @throws UserFault where it cannot be read or is damaged
 */
export async function readTrainedWeights(place: string, reading: string): Promise<TrainedWeights> {
  if (await isFolder(place, reading)) {
    const source = isCheckpointFolder(place) ? place : await findCheckpoint(place, 'latest')
    const { tensors, description } = await loadCheckpoint(source)
    return { tensors: tensors.model, description, source }
  }
  const { tensors, metadata } = await readSafetensorsFile(place, { ignore: isBatchCounter })
  return { tensors, description: readDescription(metadata, place), source: place }
}

/** @throws UserFault where it is neither file nor folder */
export async function isFolder(path: string, reading: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch (error) {
    throw fileFault(error, reading, path)
  }
}
