/** Fetches PJRT plugins and the libraries they need with pip into .pjrt/<name>, at the versions of plugins.json. */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { inRoot } from './places.mjs'
import { runCommand } from './run-command.mjs'
import { SetupFault } from './setup-fault.mjs'
import { hashOf, readStamp, writeStamp } from './stamp.mjs'
import { unpackWheel } from './unpack-wheel.mjs'

const table = JSON.parse(readFileSync(inRoot('native/pjrt/plugins.json'), 'utf8'))

/**
 * @param {string} name of the table
 * @returns {Promise<string | null>} what was done, null where nothing was to do
 * @throws {SetupFault} where pip is missing or does not find them
 */
export async function fetchPlugin(name) {
  const plugin = table.plugins[name]
  const folder = inRoot(`.pjrt/${name}`)
  const stamp = `pjrt-${name}`
  // Those of GPUs bring programs, which earlier set-ups unpacked without the right to run them.
  const key = hashOf(plugin.platform === 'gpu' ? ['may run', ...plugin.requirements] : plugin.requirements)
  if (readStamp(stamp)?.key === key && existsSync(join(folder, plugin.library))) return null

  const aside = inRoot(`.pjrt/${name}.${process.pid}.part`)
  try {
    mkdirSync(join(aside, 'wheels'), { recursive: true })
    // Every library is named in the table: what one of them would bring along (numpy, JAX) is Python's and not needed.
    const download = ['-m', 'pip', 'download', '--no-deps', '--only-binary=:all:', '-d', join(aside, 'wheels')]
    const fetched = await runCommand('python3', [...download, ...plugin.requirements])
    if (fetched.status !== 0) {
      throw new SetupFault(
        `Expected pip to fetch the PJRT plugin ${name} but ${fetched.status === 'absent' ? 'python3 is missing' : 'it failed'}`,
        'Install python3 and python3-pip, check the network, then run the command again',
        fetched.output,
      )
    }
    for (const wheel of readdirSync(join(aside, 'wheels'))) {
      const unzip = await unpackWheel(join(aside, 'wheels', wheel), join(aside, 'all'))
      if (unzip.status !== 0) {
        throw new SetupFault(
          `Expected to unpack ${wheel} but it failed`,
          'Check the free space of the disk',
          unzip.output,
        )
      }
    }
    if (!existsSync(join(aside, 'all', plugin.library))) {
      throw new SetupFault(`Expected ${plugin.library} in the wheels of ${name} but it is not there`, 'Report it')
    }
    rmSync(folder, { recursive: true, force: true })
    renameSync(join(aside, 'all'), folder)
  } finally {
    rmSync(aside, { recursive: true, force: true })
  }
  writeStamp(stamp, { key })
  return `PJRT plugin ${name} fetched: ${plugin.requirements.join(', ')}`
}

/** The CPU plugin that the tests of the XLA executor need; without it they are skipped, so its absence is no fault. */
export async function fetchTestPlugin() {
  if (readStamp('pjrt-absent') !== null) return null
  try {
    return await fetchPlugin('xla-cpu')
  } catch (error) {
    if (!(error instanceof SetupFault)) throw error
    writeStamp('pjrt-absent', { reason: error.message })
    return `no PJRT plugin for tests (${error.message}); npx native-ensemble setup xla-cpu tries again`
  }
}
