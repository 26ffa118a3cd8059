/**
 * `npm run test:sanitize [-- substring]`: the addons' tests with addons that check every access to memory
 * (AddressSanitizer) and undefined behaviour (UBSan). PJRT's plugins are not ours: what they do within is not checked.
 */
import { delimiter } from 'node:path'
import { buildAddon } from './setup/addon.mjs'
import { compiler } from './setup/compiler.mjs'
import { buildImageAddon } from './setup/image-addon.mjs'
import { buildPjrtAddon } from './setup/pjrt-addon.mjs'
import { inRoot } from './setup/places.mjs'
import { runCommand } from './setup/run-command.mjs'
import { orExplain, setUp, timed } from './setup/set-up.mjs'
import { SetupFault } from './setup/setup-fault.mjs'
import { ENGINE_TESTS, testFiles } from './tests/test-files.mjs'

/** Tests that run the addons. */
const ADDON_TESTS = [
  ...ENGINE_TESTS,
  'test/images/image-decoder',
  'test/images/odd-files',
  'test/images/pillow-pictures',
  'test/executors/xla/platform-choices',
  'test/executors/xla/plugin-versions',
  'test/executors/xla/rounded-weights',
  'test/executors/xla/shared-trial',
  'test/executors/xla/steady-memory',
]

await orExplain(async () => {
  const { onednn } = await setUp()
  await timed('addon', () => buildAddon(onednn, { variant: 'Sanitize' }))
  await timed('image decoder', () => buildImageAddon({ variant: 'Sanitize' }))
  await timed('PJRT client', () => buildPjrtAddon({ variant: 'Sanitize' }))
  const wanted = process.argv.length > 2 ? process.argv.slice(2) : ADDON_TESTS
  const files = testFiles(wanted)
  const env = {
    NATIVE_ENSEMBLE_ADDON: inRoot('native/build/Sanitize/one.node'),
    NATIVE_ENSEMBLE_IMAGE_ADDON: inRoot('native/build/Sanitize/images.node'),
    NATIVE_ENSEMBLE_PJRT_ADDON: inRoot('native/build/Sanitize/pjrt.node'),
    LD_PRELOAD: (await Promise.all(['libasan.so', 'libubsan.so'].map(pathOf))).join(delimiter),
    // Node itself keeps memory until it ends; leaks of the addon show as growth in its own tests.
    ASAN_OPTIONS: 'detect_leaks=0:abort_on_error=0:exitcode=99',
    UBSAN_OPTIONS: 'halt_on_error=1:print_stacktrace=1',
  }
  const { runAll } = await import('./tests/run-all.mjs')
  const total = await runAll(files, { jobs: 1, alone: () => false, timeoutSeconds: 600, env })
  console.log(`${total.passed} passed, ${total.failed} failed`)
  return total.failed === 0 && total.passed > 0 ? 0 : 1
})

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
