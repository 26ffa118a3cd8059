/** One branch or peer of what was trained together, as the plain network it is when deployed. */
import { rename, rm } from 'node:fs/promises'
import { expected } from '../vocabulary/fault.ts'
import { fileFault } from '../vocabulary/file-fault.ts'
import { type Checkpoint, loadCheckpoint } from './checkpoint.ts'
import { describeDeployed, descriptionMetadata } from './model-description.ts'
import { type NamedTensor, writeSafetensors } from './safetensors.ts'

/** What only one of the networks owns: a branch of ONE, a peer of DML or of an ensemble. */
const BRANCH_NAME = /^(?:branches|peers)\.(\d+)\.(.+)$/
/** What is there for training only: the gate of ONE, the teacher of KD. */
const TRAINING_ONLY = /^(?:gate|teacher)\./

/** Branches in a model's tensors, or peers: 1 where nothing is branched (vanilla). */
export function countBranches(tensors: readonly { readonly name: string }[]): number {
  const indices = tensors.map(({ name }) => Number(BRANCH_NAME.exec(name)?.[1] ?? 0))
  return Math.max(0, ...indices) + 1
}

/**
 * The shared tensors and those of one branch, its prefix `branches.<i>.` or `peers.<i>.` dropped; gate and teacher are left out.
 * @throws UserFault where the model has no such branch
 */
export function deployedTensors(tensors: readonly NamedTensor[], branch: number): NamedTensor[] {
  const branches = countBranches(tensors)
  if (!Number.isInteger(branch) || branch < 0 || branch >= branches) {
    const what = branches === 1 ? 'branch 0' : `a branch from 0 to ${branches - 1}`
    throw expected(what, '--branch', branch, 'Name a branch that the run has.')
  }
  return tensors.flatMap((tensor) => {
    if (TRAINING_ONLY.test(tensor.name)) return []
    const [, index, name] = BRANCH_NAME.exec(tensor.name) ?? []
    if (index === undefined || name === undefined) return [tensor]
    return Number(index) === branch ? [{ ...tensor, name }] : []
  })
}

/**
 * Writes one branch of a checkpoint as a safetensors file that `load_state_dict` of the PyTorch network takes. It carries what
 * the checkpoint says of the network and its images, and where it comes from.
 * @param out file to write; it is written aside and renamed, and replaces what was there
 * @param check may refuse the checkpoint before anything is written
 * @returns the tensors written
 * @throws UserFault where the checkpoint cannot be read, has no such branch, or `out` cannot be written
 */
export async function exportBranch(
  checkpointFolder: string,
  branch: number,
  out: string,
  check: (checkpoint: Checkpoint) => Promise<void> = async () => {},
): Promise<NamedTensor[]> {
  const checkpoint = await loadCheckpoint(checkpointFolder)
  await check(checkpoint)
  const { description, progress } = checkpoint
  const tensors = deployedTensors(checkpoint.tensors.model, branch)
  const origin = { method: description?.architecture.method, branch, step: progress.step }
  const deployed = description === null ? null : describeDeployed(description, branch)
  const metadata = { format: 'pt', ...descriptionMetadata(deployed), origin: JSON.stringify(origin) }
  const aside = `${out}.tmp-${process.pid}`
  try {
    await writeSafetensors(aside, tensors, metadata)
    await rename(aside, out)
  } catch (error) {
    await rm(aside, { force: true }).catch(() => {}) // The first error is the one to tell.
    throw fileFault(error, 'write', out)
  }
  return tensors
}
