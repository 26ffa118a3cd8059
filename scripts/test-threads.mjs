/**
 * `npm run test:threads [-- substring]`: the addons' tests with addons whose accesses to memory are checked for races
 * (ThreadSanitizer), then decode threads that fail fifty times in each way. A report that thread-suppressions.txt does
 * not name fails the command. Before all else a planted race must be found.
 */
import { orExplain, setUp } from './setup/set-up.mjs'
import { buildInstrumented } from './tests/instrumented.mjs'
import { missedPlantedRace } from './tests/planted-race.mjs'
import { ENGINE_TESTS, testFiles } from './tests/test-files.mjs'
import { openThreadReports } from './tests/thread-reports.mjs'

/** Tests in which several threads are in the addons: teams, replicas, hosts, decode threads, XLA's devices. */
const THREADED_TESTS = [
  ...ENGINE_TESTS,
  'test/executors/xla/platform-choices',
  'test/executors/xla/replica-devices',
  'test/executors/xla/rounded-weights',
  'test/executors/xla/shared-trial',
  'test/hosts/key-value-store',
  'test/images/image-decoder',
  'test/images/odd-files',
  'test/input/encoded',
  'test/input/pipeline-threads',
  'test/replica/replica-group',
  'test/replica/xla-group',
]

/** Failures of a decode thread, of each kind. */
const REPEATED = 'test/input/failing-threads'
const FAILURES = 50

const TIMEOUT_SECONDS = 3600

await orExplain(async () => {
  const { onednn } = await setUp()
  const env = await buildInstrumented(onednn, 'Threads', ['libtsan.so'])
  const reports = openThreadReports()
  const missed = await missedPlantedRace(reports, env)
  if (missed !== '') {
    console.error(`Expected ThreadSanitizer to find the race of test/fixtures/threads, and nothing else:\n${missed}`)
    return 1
  }
  console.log('a planted race was found, and its locked twin was not taken for one')

  const { runAll } = await import('./tests/run-all.mjs')
  const total = { passed: 0, failed: 0, skipped: 0, reports: 0 }
  const wanted = process.argv.length > 2 ? process.argv.slice(2) : [...THREADED_TESTS, REPEATED]
  for (const [place, file] of testFiles(wanted).entries()) {
    const name = `file-${place}`
    const counts = await runAll([file], {
      jobs: 1,
      alone: () => false,
      timeoutSeconds: TIMEOUT_SECONDS,
      env: { ...env, ...reports.envFor(name, file.includes('xla')), DECODE_FAILURES: String(FAILURES) },
      through: reports.through,
    })
    for (const kind of ['passed', 'failed', 'skipped']) total[kind] += counts[kind]
    const found = reports.of(name)
    total.reports += found.length
    for (const report of found) console.log(report.replaceAll(/^/gm, '      '))
  }
  reports.remove()
  console.log(
    `${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped, ${total.reports} races reported`,
  )
  return total.failed === 0 && total.reports === 0 && total.passed > 0 ? 0 : 1
})
