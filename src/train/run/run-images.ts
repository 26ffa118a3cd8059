/** Where the images of a run are now: its folder may have moved, theirs too, and it may be another machine. */
import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { type GivenSettings, readConfig } from '../../config/make-config.ts'
import type { RunConfig } from '../../config/run-config.ts'
import { defaultDataFolder } from '../../data/datasets/load-dataset.ts'
import { isPrepared } from '../../vocabulary/dataset-name.ts'
import { expected } from '../../vocabulary/fault.ts'
import { fileErrorCode } from '../../vocabulary/file-fault.ts'
import { isOwn } from '../../vocabulary/own-definitions.ts'

/** Settings that name a file or a folder; a run is created with absolute ones, so that it can be used from any folder. */
export function withAbsolutePaths(config: RunConfig): RunConfig {
  const absolute = (path: string | null) => (path === null ? null : resolve(path))
  return {
    ...config,
    data: isOwn('dataset', config.dataset)
      ? absolute(config.data)
      : resolve(config.data ?? defaultDataFolder(config.dataset)),
    init: absolute(config.init),
    teacher: absolute(config.teacher),
    pjrtPlugin: absolute(config.pjrtPlugin),
  }
}

/**
 * Configuration of a run whose images are needed.
 * @param changes as of readConfig
 * @throws UserFault as readConfig, and where the images are neither where they were nor where `fetch` puts them
 */
export async function readConfigWithImages(runFolder: string, changes: GivenSettings = {}): Promise<RunConfig> {
  const config = await readConfig(runFolder, changes)
  return changes['data'] === undefined ? await findImages(config) : config
}

/** With `data` where the images are: as the run has it, or where they are by default. @throws UserFault where they are not */
export async function findImages(config: RunConfig): Promise<RunConfig> {
  // What a definition of the user's needs only itself knows.
  if (isOwn('dataset', config.dataset)) return config
  const usual = defaultDataFolder(config.dataset)
  for (const data of [config.data, usual]) if (data !== null && (await isThere(data))) return { ...config, data }
  const before = config.data === null ? '' : `neither ${config.data}, where they were, nor `
  const fetched = isPrepared(config.dataset) ? '' : `, or fetch them (native-ensemble fetch ${config.dataset})`
  throw expected(
    `the images of ${config.dataset} that the run was trained on`,
    config.out,
    before === '' ? `no ${usual}` : `${before}${usual}`,
    `Name the place where they are now with --data${fetched}.`,
  )
}

/** What is there and cannot be read is told of by who reads it. */
async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (error) {
    const code = fileErrorCode(error)
    return code !== 'ENOENT' && code !== 'ENOTDIR'
  }
}
