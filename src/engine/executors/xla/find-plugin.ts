/** Finds the PJRT plugin of a platform: named by an option, an environment variable, or fetched by the set-up. */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { UserFault } from '../../../vocabulary/fault.ts'
import { cudaOf, findToolkit } from './find-toolkit.ts'
import { openedLibraries } from './nvidia-libraries.ts'

export type XlaPlatform = 'cpu' | 'gpu'

/** native/pjrt/plugins.json: the versions that this package was made for, in one place; the set-up reads it too. */
const pluginTable = z.object({
  /** Minor versions of the PJRT API 0.x: refused below the first, warned of above the second. */
  abi: z.object({ oldest: z.int(), newest: z.int() }),
  plugins: z.record(
    z.string(),
    z.object({
      platform: z.enum(['cpu', 'gpu']),
      /** Library in the folder of the unpacked wheels. */
      library: z.string(),
      requirements: z.array(z.string()),
      /** Fills the folder. */
      command: z.string(),
    }),
  ),
})

/** From dist/src/executors/xla/ to the package's root. */
const root = fileURLToPath(new URL('../../../../../', import.meta.url))

export function readPluginTable(): z.infer<typeof pluginTable> {
  return pluginTable.parse(JSON.parse(readFileSync(resolve(root, 'native/pjrt/plugins.json'), 'utf8')))
}

const VARIABLES = { cpu: 'NATIVE_ENSEMBLE_PJRT_CPU', gpu: 'NATIVE_ENSEMBLE_PJRT_GPU' } as const

export interface FoundPlugin {
  readonly path: string
  /** Where its name came from: `--pjrt-plugin`, an environment variable, the plugin's name in the table, or `python3`. */
  readonly origin: string
  /** Folder of the CUDA toolkit that XLA compiles with, null = none was found or is needed. */
  readonly toolkit: string | null
}

/** Every plugin that is there for a platform, the one that is used first. Python is asked only where there is no other. */
export function findPlugins(platform: XlaPlatform, given: string | null): FoundPlugin[] {
  const found = (path: string, origin: string): FoundPlugin => ({
    path,
    origin,
    toolkit: platform === 'gpu' ? findToolkit(path).folder : null,
  })
  if (given !== null) return [found(resolve(given), '--pjrt-plugin')]
  const variable = process.env[VARIABLES[platform]]
  const named = variable === undefined || variable === '' ? [] : [found(resolve(variable), VARIABLES[platform])]
  const fetched = Object.entries(readPluginTable().plugins).flatMap(([name, plugin]) => {
    const path = resolve(root, '.pjrt', name, plugin.library)
    return plugin.platform === platform && existsSync(path) ? [found(path, name)] : []
  })
  if (platform === 'cpu' || named.length + fetched.length > 0) return [...named, ...fetched]
  pythonPlugins ??= askPython()
  return pythonPlugins.map((path) => found(path, 'python3'))
}

/** Plugins of jax[cuda13] and jax[cuda12] in the python3 of PATH, as far as it was asked. */
let pythonPlugins: readonly string[] | null = null

/** Finds the packages without importing them. */
const PYTHON_SEARCH = `
import importlib.util
for name in ('jax_plugins.xla_cuda13', 'jax_plugins.xla_cuda12'):
    try:
        spec = importlib.util.find_spec(name)
    except ImportError:
        spec = None
    for folder in (spec and spec.submodule_search_locations) or ():
        print(folder)
`

function askPython(): string[] {
  const { status, stdout } = spawnSync('python3', ['-c', PYTHON_SEARCH], { encoding: 'utf8', timeout: 20_000 })
  if (status !== 0) return []
  const libraries = stdout.split('\n').map((folder) => join(folder, 'xla_cuda_plugin.so'))
  return libraries.filter((path) => path.startsWith('/') && existsSync(path))
}

/**
 * Changes with what compiles: the plugin's file; on GPUs also the assembler, the driver, and the libraries that are open, of
 * whose algorithms XLA keeps the fastest. To be asked when the client is open.
 */
export function pluginIdentity({ path, toolkit }: FoundPlugin): string {
  const files = [path, ...openedLibraries(path)]
  if (toolkit !== null) files.push(join(toolkit, 'bin/ptxas'))
  const identities = files.map((file) => {
    const { size, mtimeMs } = statSync(file)
    return [file, size, mtimeMs]
  })
  return JSON.stringify(cudaOf(path) === null ? identities : [...identities, driverVersion()])
}

/** Of NVIDIA's driver, e.g. `NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.65.06 ...`; empty where it does not say. */
function driverVersion(): string {
  try {
    return readFileSync('/proc/driver/nvidia/version', 'utf8').split('\n', 1)[0] ?? ''
  } catch {
    return ''
  }
}

/** @throws UserFault where there is none */
export function findPlugin(platform: XlaPlatform, given: string | null): FoundPlugin {
  const [first] = findPlugins(platform, given)
  if (first !== undefined && existsSync(first.path)) return first
  const commands = Object.values(readPluginTable().plugins).flatMap(({ platform: of, command }) =>
    of === platform ? [command] : [],
  )
  throw new UserFault(
    `Expected a PJRT plugin for --devices ${platform === 'cpu' ? 'xla-cpu' : 'gpu'} but received ` +
      `${first === undefined ? 'none' : `no file at ${first.path} (${first.origin})`}.`,
    `Fetch it (${[...commands, ...(platform === 'gpu' ? ['pip install "jax[cuda13]"'] : [])].join(' or ')}), or name its library with --pjrt-plugin or in ${VARIABLES[platform]}.`,
  )
}
