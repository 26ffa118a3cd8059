import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { readPluginTable } from '../../engine/executors/xla/find-plugin.ts'
import { expected } from '../../vocabulary/fault.ts'
import { EXIT } from '../failure.ts'
import type { Invocation } from '../invocation.ts'

/** `setup [plugin]`: the scripts of the set-up, which need nothing that they set up. */
export async function setupCommand({ operands }: Invocation): Promise<number> {
  const [plugin] = operands
  const plugins = Object.keys(readPluginTable().plugins)
  if (plugin !== undefined && !plugins.includes(plugin)) {
    throw expected(`one of ${plugins.join(', ')}`, 'the plugin', plugin, 'Without a plugin the addons are compiled.')
  }
  const script = plugin === undefined ? ['setup-addons.mjs'] : ['setup-pjrt.mjs', plugin]
  // From dist/src/cli/commands/ to the package's root.
  const folder = fileURLToPath(new URL('../../../../scripts/', import.meta.url))
  const { status } = spawnSync(process.execPath, [`${folder}${script[0]}`, ...script.slice(1)], { stdio: 'inherit' })
  return status ?? EXIT.ourFault
}
