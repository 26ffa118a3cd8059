import type { Dirent } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileErrorCode, fileFault } from '../../vocabulary/file-fault.ts'
import { checkpointsFolder } from '../checkpoint/checkpoint.ts'

/** What is written aside before it gets its name, by the folder in the run folder. */
const ASIDE: readonly (readonly [folder: string, name: RegExp])[] = [
  ['checkpoints', /^\.tmp-/],
  ['snapshots', /\.tmp$/],
  ['.', /^metrics\.jsonl\.tmp$|^(report\.html|samples\.png|(samples|classes|length)\.json)\.tmp-\d+$/],
]

/**
 * Deletes what a killed process left half written or half removed. Call it while the run is locked.
 * @throws UserFault where the folder cannot be read or changed
 */
export async function removeLeftovers(runFolder: string): Promise<void> {
  for (const [below, pattern] of ASIDE) {
    const folder = below === 'checkpoints' ? checkpointsFolder(runFolder) : join(runFolder, below)
    for (const { name } of await entriesOf(folder)) {
      if (!pattern.test(name)) continue
      const path = join(folder, name)
      await rm(path, { recursive: true, force: true }).catch((error: unknown) => {
        throw fileFault(error, 'remove', path)
      })
    }
  }
}

async function entriesOf(folder: string): Promise<Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true })
  } catch (error) {
    if (fileErrorCode(error) === 'ENOENT') return []
    throw fileFault(error, 'read', folder)
  }
}
