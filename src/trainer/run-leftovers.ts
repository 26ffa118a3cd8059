import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { removeUnfinished } from '../checkpoint/checkpoint.ts'
import { fileErrorCode, fileFault } from '../vocabulary/file-fault.ts'

/** Files are written under such a name and renamed when they are whole. The lock's are those of who tries to lock it now. */
const UNFINISHED = /^(?!run\.lock).*\.tmp(-\d+)?$/

/** Removes what a killed process had not finished; to be called by the process that holds the run's lock. */
export async function removeLeftovers(runFolder: string): Promise<void> {
  for (const folder of [runFolder, join(runFolder, 'snapshots')]) await removeFrom(folder)
  await removeUnfinished(runFolder)
}

async function removeFrom(folder: string): Promise<void> {
  try {
    const names = (await readdir(folder)).filter((name) => UNFINISHED.test(name))
    for (const name of names) await rm(join(folder, name), { force: true })
  } catch (error) {
    if (fileErrorCode(error) !== 'ENOENT') throw fileFault(error, 'remove unfinished files in', folder)
  }
}
