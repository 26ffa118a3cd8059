/** The folder of a run: made once, never made over another run. */
import { access, constants, mkdir, readdir, rmdir, stat, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { RunConfig } from '../../config/run-config.ts'
import { type RunFiles, runFiles } from '../../report/run-files.ts'
import { expected } from '../../vocabulary/fault.ts'
import { fileErrorCode, fileFault } from '../../vocabulary/file-fault.ts'
import { makeFolder } from '../../vocabulary/make-folder.ts'
import type { MachineReport } from './machine.ts'
import { withAbsolutePaths } from './run-images.ts'

/**
 * Makes the folder `config.out` with its config.json (paths in it absolute) and machine.json. An empty folder that exists is taken.
 * @throws UserFault where the path holds anything, or cannot be written; what was there stays as it was
 */
export async function createRunFolder(config: RunConfig, machine: MachineReport): Promise<RunFiles> {
  const files = runFiles(config.out)
  await checkRunFolder(config.out)
  try {
    await makeFolder(config.out)
    // 'wx': of two runs that begin at once in one folder, the second fails here.
    await writeFile(files.config, printJson(withAbsolutePaths(config)), { flag: 'wx' })
    await writeFile(files.machine, printJson(machine))
    return files
  } catch (error) {
    if (fileErrorCode(error) === 'EEXIST') throw taken(config.out)
    throw fileFault(error, 'make the run folder', config.out)
  }
}

/**
 * Makes the default folder `<name>-<n>` of a new run at once, empty, so that of two runs that begin together each has its own:
 * the one that comes second takes the next number. It is deleted again where `work` leaves nothing in it.
 * @throws UserFault where no folder can be made, and what `work` throws
 */
export async function inFreshFolder<Result>(
  folder: string,
  work: (folder: string) => Promise<Result>,
): Promise<Result> {
  const fresh = await makeFresh(folder)
  try {
    return await work(fresh)
  } finally {
    // It stays where a run is in it.
    await rmdir(fresh).catch(() => undefined)
  }
}

async function makeFresh(folder: string): Promise<string> {
  const [, name = folder, number = '1'] = /^(.*)-(\d+)$/.exec(folder) ?? []
  for (let n = Number(number); ; n++) {
    const fresh = `${name}-${n}`
    try {
      await makeFolder(dirname(fresh))
      await mkdir(fresh)
      return fresh
    } catch (error) {
      if (fileErrorCode(error) !== 'EEXIST') throw fileFault(error, 'make the run folder', fresh)
    }
  }
}

/**
 * Checks without making it that a run folder can be made, so that a run can say so before it loads anything.
 * @throws UserFault as createRunFolder
 */
export async function checkRunFolder(folder: string): Promise<void> {
  try {
    if ((await readdir(folder)).length > 0) throw taken(folder)
    await access(folder, constants.W_OK)
  } catch (error) {
    if (fileErrorCode(error) === 'ENOTDIR') throw expected('a folder', '--out', folder, 'Name another path.')
    if (fileErrorCode(error) !== 'ENOENT') throw fileFault(error, 'write to the run folder', folder)
    await checkParent(folder)
  }
}

/**
 * Files of a run that exists.
 * @throws UserFault where the folder holds no run
 */
export async function openRunFolder(folder: string): Promise<RunFiles> {
  const files = runFiles(folder)
  try {
    await stat(files.config)
    return files
  } catch (error) {
    const code = fileErrorCode(error)
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw fileFault(error, 'read', files.config)
    throw expected(
      'the folder of a run',
      'the run',
      folder,
      'Name a folder that `native-ensemble train` made (see runs/).',
    )
  }
}

async function checkParent(folder: string): Promise<void> {
  for (let parent = dirname(folder); ; parent = dirname(parent)) {
    try {
      await access(parent, constants.W_OK | constants.X_OK)
      if (!(await stat(parent)).isDirectory()) throw expected('a folder', '--out', folder, `${parent} is a file.`)
      return
    } catch (error) {
      if (fileErrorCode(error) !== 'ENOENT' || parent === dirname(parent)) {
        throw fileFault(error, 'make the run folder', folder)
      }
    }
  }
}

function taken(folder: string) {
  return expected(
    'a new or empty folder',
    '--out',
    `${folder}, which is not empty`,
    `Go on with the run in it (native-ensemble resume ${folder}), or name another folder.`,
  )
}

const printJson = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`
