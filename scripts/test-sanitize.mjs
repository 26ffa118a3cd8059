/**
 * `npm run test:sanitize [-- substring]`: the addons' tests with addons that check every access to memory
 * (AddressSanitizer) and undefined behaviour (UBSan). PJRT's plugins are not ours: what they do within is not checked.
 */
import { orExplain, setUp } from './setup/set-up.mjs'
import { ADDON_TESTS, buildInstrumented } from './tests/instrumented.mjs'
import { testFiles } from './tests/test-files.mjs'

await orExplain(async () => {
  const { onednn } = await setUp()
  const env = {
    ...(await buildInstrumented(onednn, 'Sanitize', ['libasan.so', 'libubsan.so'])),
    // Node itself keeps memory until it ends; leaks of the addon show as growth in its own tests.
    ASAN_OPTIONS: 'detect_leaks=0:abort_on_error=0:exitcode=99',
    UBSAN_OPTIONS: 'halt_on_error=1:print_stacktrace=1',
  }
  const files = testFiles(process.argv.length > 2 ? process.argv.slice(2) : ADDON_TESTS)
  const { runAll } = await import('./tests/run-all.mjs')
  const total = await runAll(files, { jobs: 1, alone: () => false, timeoutSeconds: 600, env })
  console.log(`${total.passed} passed, ${total.failed} failed`)
  return total.failed === 0 && total.passed > 0 ? 0 : 1
})
