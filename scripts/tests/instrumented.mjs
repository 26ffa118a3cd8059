/** Addons that a sanitizer watches, in a node that is not built with it. */
import { delimiter } from 'node:path'
import { buildAddon } from '../setup/addon.mjs'
import { compiler } from '../setup/compiler.mjs'
import { buildImageAddon } from '../setup/image-addon.mjs'
import { buildPjrtAddon } from '../setup/pjrt-addon.mjs'
import { inRoot } from '../setup/places.mjs'
import { runCommand } from '../setup/run-command.mjs'
import { timed } from '../setup/set-up.mjs'
import { SetupFault } from '../setup/setup-fault.mjs'
import { ENGINE_TESTS } from './test-files.mjs'

/** Tests that run the addons. */
export const ADDON_TESTS = [
  ...ENGINE_TESTS,
  'test/images/image-decoder',
  'test/images/odd-files',
  'test/executors/xla/platform-choices',
  'test/executors/xla/plugin-versions',
  'test/executors/xla/rounded-weights',
  'test/executors/xla/shared-trial',
  'test/executors/xla/steady-memory',
]

/**
 * Builds all addons as a variant.
 * @param {import('../setup/onednn.mjs').OneDnn} onednn
 * @param {import('../setup/compile-addon.mjs').Variant} variant
 * @param {readonly string[]} libraries the sanitizer's, e.g. `libasan.so`
 * @returns {Promise<NodeJS.ProcessEnv>} environment in which node uses them
 * @throws {SetupFault}
 */
export async function buildInstrumented(onednn, variant, libraries) {
  await timed('addon', () => buildAddon(onednn, { variant }))
  await timed('image decoder', () => buildImageAddon({ variant }))
  await timed('PJRT client', () => buildPjrtAddon({ variant }))
  return {
    NATIVE_ENSEMBLE_ADDON: inRoot(`native/build/${variant}/one.node`),
    NATIVE_ENSEMBLE_IMAGE_ADDON: inRoot(`native/build/${variant}/images.node`),
    NATIVE_ENSEMBLE_PJRT_ADDON: inRoot(`native/build/${variant}/pjrt.node`),
    LD_PRELOAD: (await Promise.all(libraries.map(pathOf))).join(delimiter),
  }
}

/** The sanitizer's library: Node is not built with it, so it must be loaded before all else. */
async function pathOf(library) {
  const { stdout } = await runCommand(compiler, [`-print-file-name=${library}`])
  const path = stdout.trim()
  if (path === library || path === '') {
    throw new SetupFault(
      `Expected ${library} beside ${compiler} but found none`,
      'Install it: sudo apt-get install g++',
    )
  }
  return path
}
