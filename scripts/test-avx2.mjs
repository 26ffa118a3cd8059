/**
 * `npm run test:avx2 [-- substring]`: the engine's tests with an addon for processors that have AVX2 and no AVX-512. The
 * addon stays in native/build/Avx2 for `bench:step` (docs/convolutions.md).
 */
import { orExplain, setUp } from './setup/set-up.mjs'
import { ENGINE_TESTS } from './tests/test-files.mjs'

await orExplain(async () => {
  const { onednn } = await setUp()
  const { runWithAvx2 } = await import('./tests/other-builds.mjs')
  const total = await runWithAvx2(onednn, process.argv.length > 2 ? process.argv.slice(2) : ENGINE_TESTS, 600)
  console.log(`${total.passed} passed, ${total.failed} failed`)
  return total.failed === 0 && total.passed > 0 ? 0 : 1
})
