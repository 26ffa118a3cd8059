/** Finds the PJRT plugin of a platform: named by an option, an environment variable, or fetched by the set-up. */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { UserFault } from '../../vocabulary/fault.ts'

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
      /** Folder of the CUDA toolkit's parts among them (ptxas, libdevice), null = none. */
      toolkit: z.string().nullable(),
      requirements: z.array(z.string()),
      /** Fills the folder. */
      command: z.string(),
    }),
  ),
})

/** From dist/src/executors/xla/ to the package's root. */
const root = fileURLToPath(new URL('../../../../', import.meta.url))

export function readPluginTable(): z.infer<typeof pluginTable> {
  return pluginTable.parse(JSON.parse(readFileSync(resolve(root, 'native/pjrt/plugins.json'), 'utf8')))
}

const VARIABLES = { cpu: 'NATIVE_ENSEMBLE_PJRT_CPU', gpu: 'NATIVE_ENSEMBLE_PJRT_GPU' } as const

export interface FoundPlugin {
  readonly path: string
  /** Where its name came from: `--pjrt-plugin`, an environment variable, or the plugin's name in the table. */
  readonly origin: string
  /** Folder of the CUDA toolkit's parts that came with it. */
  readonly toolkit: string | null
}

/** Every plugin that is there for a platform, the one that is used first. */
export function findPlugins(platform: XlaPlatform, given: string | null): FoundPlugin[] {
  if (given !== null) return [{ path: resolve(given), origin: '--pjrt-plugin', toolkit: null }]
  const variable = process.env[VARIABLES[platform]]
  const named =
    variable === undefined || variable === ''
      ? []
      : [{ path: resolve(variable), origin: VARIABLES[platform], toolkit: null }]
  const fetched = Object.entries(readPluginTable().plugins).flatMap(([name, plugin]) => {
    const path = resolve(root, '.pjrt', name, plugin.library)
    const toolkit = plugin.toolkit === null ? null : resolve(root, '.pjrt', name, plugin.toolkit)
    return plugin.platform === platform && existsSync(path) ? [{ path, origin: name, toolkit }] : []
  })
  return [...named, ...fetched]
}

/** Changes with the library's file. */
export function pluginIdentity({ path }: FoundPlugin): string {
  const { size, mtimeMs } = statSync(path)
  return JSON.stringify([path, size, mtimeMs])
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
    `Fetch it (${commands.join(' or ')}), or name its library with --pjrt-plugin or in ${VARIABLES[platform]}.`,
  )
}
