import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expected } from '../vocabulary/fault.ts'
import { fileErrorCode, fileFault } from '../vocabulary/file-fault.ts'

/** Folders of a run that hold no other run a user would mean: a teacher that kd trained on the way is none. */
const OWN_FOLDERS = new Set(['checkpoints', 'events', 'teacher', 'snapshots'])
/** `runs/evidence/<set>/<run>` and some more. */
const DEEPEST = 5

/**
 * The folder itself where it is a run, or all runs below it, in the order of their names.
 * @throws UserFault where the folder cannot be read
 */
async function findRuns(folder: string, depth = 0): Promise<string[]> {
  let entries: Awaited<ReturnType<typeof readEntries>>
  try {
    entries = await readEntries(folder)
  } catch (error) {
    throw fileFault(error, 'read', folder)
  }
  if (entries.some((entry) => entry.isFile() && entry.name === 'config.json')) return [folder]
  if (depth === DEEPEST) return []
  const below = entries.filter((entry) => entry.isDirectory() && !OWN_FOLDERS.has(entry.name))
  const names = below.map(({ name }) => name).sort()
  return (await Promise.all(names.map((name) => findRuns(join(folder, name), depth + 1)))).flat()
}

function readEntries(folder: string) {
  return readdir(folder, { withFileTypes: true })
}

/**
 * Runs among and below the folders a user named, each once.
 * @throws UserFault where a folder cannot be read, or holds no run
 */
export async function gatherRuns(folders: readonly string[]): Promise<string[]> {
  const found = await Promise.all(
    folders.map(async (folder) => {
      const runs = await findRunsIfAny(folder)
      if (runs.length > 0) return runs
      const remedy = 'Name what `native-ensemble train` made (see runs/).'
      throw expected('the folder of a run, or one of runs,', 'the runs', folder, remedy)
    }),
  )
  return [...new Set(found.flat())]
}

/** As findRuns, none where there is no such folder. */
export async function findRunsIfAny(folder: string): Promise<string[]> {
  try {
    return await findRuns(folder)
  } catch (error) {
    if (error instanceof Error && fileErrorCode(error.cause) === 'ENOENT') return []
    throw error
  }
}
