/** Finds the parts of a CUDA toolkit that XLA compiles with: the assembler ptxas and the bitcode of libdevice. */
import { accessSync, constants, existsSync, readdirSync, realpathSync } from 'node:fs'
import { basename, delimiter, dirname, join } from 'node:path'

const ASSEMBLER = 'bin/ptxas'
const PARTS = [ASSEMBLER, 'nvvm/libdevice/libdevice.10.bc'] as const

/** Where toolkits lie that no variable names. */
const SYSTEM_FOLDERS = { parent: '/usr/local', others: ['/opt/cuda', '/usr/lib/cuda'] } as const

export interface ToolkitSearch {
  /** The first folder with all parts, null = none. */
  readonly folder: string | null
  /** Folders before it that have some of them, with what each lacks. */
  readonly lacking: readonly string[]
}

/**
 * In this order: where `XLA_FLAGS` says, beside the plugin (pip's wheels), CUDA_HOME, CUDA_PATH, beside the nvcc or ptxas of
 * PATH, then the system's folders.
 * @param plugin its library
 */
export function findToolkit(
  plugin: string,
  env: NodeJS.ProcessEnv = process.env,
  parent: string = SYSTEM_FOLDERS.parent,
): ToolkitSearch {
  const lacking: string[] = []
  for (const folder of new Set(toolkitFolders(plugin, env, parent))) {
    const faults = PARTS.flatMap((part) => faultOf(folder, part))
    if (faults.length === 0) return { folder, lacking }
    if (PARTS.some((part) => existsSync(join(folder, part)))) lacking.push(`${folder} ${faults.join(' and ')}`)
  }
  return { folder: null, lacking }
}

function faultOf(folder: string, part: string): string[] {
  const path = join(folder, part)
  if (!existsSync(path)) return [`has no ${part}`]
  try {
    accessSync(path, part === ASSEMBLER ? constants.X_OK : constants.R_OK)
    return []
  } catch {
    return [
      part === ASSEMBLER
        ? `has a ${part} that may not be run (chmod +x ${path})`
        : `has a ${part} that may not be read`,
    ]
  }
}

function toolkitFolders(plugin: string, env: NodeJS.ProcessEnv, parent: string): string[] {
  const flagged = /--xla_gpu_cuda_data_dir=(\S+)/.exec(env['XLA_FLAGS'] ?? '')?.[1]
  const named = [flagged, env['CUDA_HOME'], env['CUDA_PATH']].map((folder) =>
    folder === undefined || folder === '' ? [] : [folder],
  )
  const [given = [], ...variables] = named
  return [...given, ...besidePlugin(plugin), ...variables.flat(), ...besidePrograms(env), ...ofSystem(parent)]
}

/** CUDA's version that a plugin was built for, by its folder's or its own name; null where they do not say it. */
export function cudaOf(plugin: string): '12' | '13' | null {
  const version = /cuda(12|13)(?!\d)/.exec(`${basename(dirname(plugin))}/${basename(plugin)}`)?.[1]
  return version === '12' || version === '13' ? version : null
}

/** pip's folders of NVIDIA's wheels in the plugin's site-packages; those of the plugin's own CUDA first. */
function besidePlugin(plugin: string): string[] {
  const folders = ['cu13', 'cuda_nvcc'] as const
  const ordered = cudaOf(plugin) === '12' ? folders.toReversed() : folders
  return nvidiaFolders(plugin).flatMap((nvidia) => ordered.map((name) => join(nvidia, name)))
}

/**
 * `nvidia` folders of the site-packages that a plugin lies in, as its own run path has them: two folders up
 * (jax_plugins/<name>/), or one.
 */
export function nvidiaFolders(plugin: string): string[] {
  const paths = [plugin, ...(existsSync(plugin) ? [realpathSync(plugin)] : [])]
  const sites = paths.flatMap((path) => [dirname(dirname(dirname(path))), dirname(dirname(path))])
  return [...new Set(sites)].map((site) => join(site, 'nvidia')).filter((folder) => existsSync(folder))
}

function besidePrograms(env: NodeJS.ProcessEnv): string[] {
  const searched = (env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '')
  return ['nvcc', 'ptxas'].flatMap((program) => {
    const found = searched.map((folder) => join(folder, program)).find((path) => existsSync(path))
    return found === undefined ? [] : [dirname(dirname(realpathSync(found)))]
  })
}

/** `cuda`, then `cuda-<version>`, the newest first. */
function ofSystem(parent: string): string[] {
  let names: string[]
  try {
    names = readdirSync(parent).filter((name) => /^cuda(-\d+(\.\d+)*)?$/.test(name))
  } catch {
    names = []
  }
  const newestFirst = (left: string, right: string) => right.localeCompare(left, 'en', { numeric: true })
  const versions = names.filter((name) => name !== 'cuda').toSorted(newestFirst)
  const all = names.includes('cuda') ? ['cuda', ...versions] : versions
  return [...all.map((name) => join(parent, name)), ...SYSTEM_FOLDERS.others]
}
