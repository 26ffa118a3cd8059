/**
 * `npm run test:release [-- --out results --what "..."]`: packs a release and uses it as a stranger does, in an empty project with
 * no compiler, Python or oneDNN in PATH. With --out it keeps what it measured. Ends with a line `N passed, N failed`.
 */
import { parseArgs } from 'node:util'
import {
  ARCHIVES,
  buildsFromSource,
  canEmulate,
  evaluatesAndExports,
  everyLevelTrains,
  filesOfPackage,
  installAndTrain,
  predicts,
  runsOnOlderProcessors,
  servesScript,
  takesOwnFiles,
  trainsWithoutAddons,
} from './release/checks.mjs'
import { makeEmptyProject } from './release/empty-project.mjs'
import { writeReport } from './release/report.mjs'
import { inRoot } from './setup/places.mjs'
import { runInForeground } from './setup/run-command.mjs'
import { orExplain } from './setup/set-up.mjs'

await orExplain(async () => {
  const { values } = parseArgs({ options: { out: { type: 'string' }, what: { type: 'string' } } })
  const packed = await runInForeground([inRoot('scripts/pack-release.mjs')])
  if (packed !== 0) return packed

  const project = await makeEmptyProject()
  const total = { passed: 0, failed: 0 }
  const check = async (name, act) => {
    const began = performance.now()
    try {
      const result = await act(project)
      total.passed += 1
      console.log(`  ${name}: passed, ${((performance.now() - began) / 1000).toFixed(1)} s`)
      return result
    } catch (error) {
      total.failed += 1
      console.log(
        `  ${name}: FAILED\n${String(error instanceof Error ? error.message : error).replaceAll(/^/gm, '      ')}`,
      )
      return null
    }
  }
  try {
    const files = await check('the package holds what it must and nothing else', filesOfPackage)
    const times = await check('installs and trains', installAndTrain)
    if (times !== null) {
      await check('evaluates and exports', evaluatesAndExports)
      await check('classifies pictures', predicts)
      await check('a script in TypeScript type-checks, trains, resumes and evaluates', servesScript)
      await check('own network and own method from files', takesOwnFiles)
      await check('each instruction set trains to the same losses', everyLevelTrains)
      if (await canEmulate()) await check('the oldest processors of an instruction set run it', runsOnOlderProcessors)
      else console.log('  older processors: not emulated, qemu-user is not installed')
      await check('trains without the addons of a platform', trainsWithoutAddons)
      await check('builds from source in place', buildsFromSource)
    }
    if (values.out !== undefined && total.failed === 0) {
      console.log(await writeReport({ out: values.out, what: values.what, archives: ARCHIVES, files, times, project }))
    }
  } finally {
    project.remove()
  }
  console.log(`${total.passed} passed, ${total.failed} failed`)
  return total.failed === 0 && total.passed > 0 ? 0 : 1
})
