/**
 * `npm run test:portable [-- substring]`: the engine's tests with an addon that has no oneDNN, compiled for x86-64-v2 (SSE 4.2): our
 * own kernels serve every operation.
 */
import { orExplain, setUp } from './setup/set-up.mjs'
import { ENGINE_TESTS } from './tests/test-files.mjs'

await orExplain(async () => {
  await setUp()
  const { runPortable } = await import('./tests/other-builds.mjs')
  const total = await runPortable(process.argv.length > 2 ? process.argv.slice(2) : ENGINE_TESTS, 900)
  console.log(`${total.passed} passed, ${total.failed} failed`)
  return total.failed === 0 && total.passed > 0 ? 0 : 1
})
