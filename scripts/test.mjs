/**
 * `npm test [-- substring]`: set-up where it is missing, checks of types, warnings, style, unused code, layers and lines, then all tests, or those whose
 * path holds one of the substrings. `--fast` leaves out the slow ones. Ends with a line `N passed, N failed`.
 */

import { addonWarnings } from './setup/addon.mjs'
import { imageAddonWarnings } from './setup/image-addon.mjs'
import { pjrtAddonWarnings } from './setup/pjrt-addon.mjs'
import { fetchTestPlugin } from './setup/pjrt-plugins.mjs'
import { inRoot, root } from './setup/places.mjs'
import { runCommand } from './setup/run-command.mjs'
import { orExplain, setUp, timed } from './setup/set-up.mjs'
import { ALONE, isFast, testFiles } from './tests/test-files.mjs'

const TIMEOUT_SECONDS = 600

await orExplain(async () => {
  const fast = process.argv.includes('--fast')
  const wanted = process.argv.slice(2).filter((word) => word !== '--fast')
  const { typeFaults, onednn } = await setUp({ typeFaultsEnd: false })
  await timed('PJRT plugin', fetchTestPlugin)
  const total = { passed: 0, failed: 0, skipped: 0 }
  const check = (name, faults) => {
    total[faults === '' ? 'passed' : 'failed'] += 1
    console.log(`  ${name}: ${faults === '' ? 'passed' : `FAILED\n${faults.trimEnd().replaceAll(/^/gm, '      ')}`}`)
  }
  if (wanted.length === 0) {
    console.log('checks')
    check('types', typeFaults)
    check('compiler warnings', addonWarnings() + imageAddonWarnings() + pjrtAddonWarnings())
    check('lint', await faultsOf([inRoot('node_modules/@biomejs/biome/bin/biome'), 'check', '--colors=off', '.']))
    check('format of C++', await faultsOf([inRoot('scripts/format-cpp.mjs'), '--check']))
    check('unused files, exports and dependencies', await faultsOf([inRoot('node_modules/knip/bin/knip.js')]))
    check('layers', await faultsOf([inRoot('scripts/check-layers.mjs')]))
    check('lines', await faultsOf([inRoot('scripts/count-lines.mjs')]))
  }

  console.log('tests')
  // The parser of the tests' output is an npm package: it is there only now that the set-up is done.
  const { runAll } = await import('./tests/run-all.mjs')
  const alone = (file) => ALONE.some((part) => file.includes(part))
  const ran = await runAll(
    testFiles(wanted).filter((file) => !fast || isFast(file)),
    { jobs: 2, alone, timeoutSeconds: TIMEOUT_SECONDS },
  )
  const add = (counts) => {
    for (const kind of ['passed', 'failed', 'skipped']) total[kind] += counts[kind]
  }
  add(ran)
  const { differsFromAvx2, runPortable, runsPortable, runWithAvx2 } = await import('./tests/other-builds.mjs')
  const whole = wanted.length === 0 && !fast
  if (whole && differsFromAvx2()) {
    console.log('operations as processors without AVX-512 compute them')
    add(await runWithAvx2(onednn, ['test/executors/agreement'], TIMEOUT_SECONDS))
  }
  if (whole && runsPortable()) {
    console.log('operations without oneDNN, as processors without AVX compute them')
    add(await runPortable(['test/executors/agreement'], TIMEOUT_SECONDS))
  }
  if (total.skipped > 0) console.log(`${total.skipped} skipped`)
  console.log(`${total.passed} passed, ${total.failed} failed`)
  return total.failed === 0 && total.passed > 0 ? 0 : 1
})

/** What a checker printed where it ended with a fault, else nothing. */
async function faultsOf(args) {
  const { status, output } = await runCommand(process.execPath, args, { cwd: root })
  return status === 0 ? '' : output
}
