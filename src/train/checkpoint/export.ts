/** One branch or peer of what was trained together, as the plain network it is when deployed. */
import { rename, rm } from 'node:fs/promises'
import { parameterOwner } from '../../engine/methods/deployed-parameters.ts'
import type { MethodName } from '../../engine/methods/registry.ts'
import { expected } from '../../vocabulary/fault.ts'
import { fileFault } from '../../vocabulary/file-fault.ts'
import { averagedWeights } from './averaged-weights.ts'
import { type Checkpoint, loadCheckpoint } from './checkpoint.ts'
import { describeDeployed, descriptionMetadata } from './model-description.ts'
import { type NamedTensor, writeSafetensors } from './safetensors.ts'

/**
 * The shared tensors and those of one branch or peer, under the names that they have in the plain network; what is there for
 * training only is left out.
 * @param method that trained them, null where nothing says which
 * @throws UserFault where the model has no such branch
 */
export function deployedTensors(
  tensors: readonly NamedTensor[],
  branch: number,
  method: MethodName | null,
): NamedTensor[] {
  const owned = tensors.map((tensor) => ({ tensor, owner: parameterOwner(tensor.name, method) }))
  const last = Math.max(0, ...owned.map(({ owner }) => (typeof owner === 'object' ? owner.member : 0)))
  if (!Number.isInteger(branch) || branch < 0 || branch > last) {
    const what = last === 0 ? 'branch 0' : `a branch from 0 to ${last}`
    throw expected(what, '--branch', branch, 'Name a branch that the run has.')
  }
  return owned.flatMap(({ tensor, owner }) => {
    if (owner === 'training') return []
    if (owner === 'shared') return [tensor]
    return owner.member === branch ? [{ ...tensor, name: owner.name }] : []
  })
}

/**
 * Writes one branch of a checkpoint as a safetensors file that `load_state_dict` of the PyTorch network takes. It carries what
 * the checkpoint says of the network and its images, and where it comes from.
 * @param out file to write; it is written aside and renamed, and replaces what was there
 * @param check may refuse the checkpoint before anything is written
 * @param ema whether to write the moving average of the weights
 * @returns the tensors written
 * @throws UserFault where the checkpoint cannot be read, has no such branch, or `out` cannot be written
 */
export async function exportBranch(
  checkpointFolder: string,
  branch: number,
  out: string,
  check: (checkpoint: Checkpoint) => Promise<void> = async () => {},
  ema = false,
): Promise<NamedTensor[]> {
  const checkpoint = await loadCheckpoint(checkpointFolder)
  await check(checkpoint)
  const { description, progress } = checkpoint
  const { model } = ema ? averagedWeights(checkpoint.tensors, checkpointFolder) : checkpoint.tensors
  const tensors = deployedTensors(model, branch, description?.architecture.method ?? null)
  const origin = { method: description?.architecture.method, branch, step: progress.step, ...(ema && { ema }) }
  const deployed = description === null ? null : describeDeployed(description, branch)
  const metadata = { format: 'pt', ...descriptionMetadata(deployed), origin: JSON.stringify(origin) }
  await writeWholeSafetensors(out, tensors, metadata)
  return tensors
}

/** Writes a file aside and renames it. @throws UserFault where it cannot be written; what was there is then as it was */
export async function writeWholeSafetensors(
  out: string,
  tensors: readonly NamedTensor[],
  metadata: Readonly<Record<string, string>>,
): Promise<void> {
  const aside = `${out}.tmp-${process.pid}`
  try {
    await writeSafetensors(aside, tensors, metadata)
    await rename(aside, out)
  } catch (error) {
    await rm(aside, { force: true }).catch(() => {}) // The first error is the one to tell.
    throw fileFault(error, 'write', out)
  }
}
