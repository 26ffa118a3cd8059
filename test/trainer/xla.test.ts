/** `--devices xla-cpu` through the command line: training, evaluation, an interrupted run that goes on, devices. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { readMetrics } from '../../src/report/metrics.ts'
import { runFiles } from '../../src/report/run-files.ts'
import { withoutXla } from '../support/xla.ts'
import { readRun } from './read-run.ts'
import { rewindRun } from './rewind-run.ts'
import { runCli, startCli, TRAIN_TINY } from './run-cli.ts'

const STEPS = 16
const cwd = t.testdir()
// Compiled once: the later runs load what the first one kept.
const cache = join(cwd, 'compiled')
const env = { NATIVE_ENSEMBLE_XLA_CACHE: cache }
const TRAIN = [...TRAIN_TINY, '--branches', '2', '--steps', `${STEPS}`, '--devices', 'xla-cpu:2']
t.setTimeout(580_000)

t.test('a run on two devices, stopped and resumed', { skip: withoutXla }, async (t) => {
  const first = await runCli([...TRAIN, '--out', 'whole'], { cwd, env })
  t.equal(first.code, 0, first.stderr)
  t.match(first.stdout, /Test error after step 16/)
  t.equal((await readdir(cache)).length, 2, 'both programs were kept')
  const whole = await readRun(join(cwd, 'whole'), STEPS)

  const within = ['--checkpoint-steps', '3', '--keep', '99']
  const run = startCli([...TRAIN, ...within, '--out', 'stopped'], { cwd, env })
  await run.said('step 3/')
  run.child.kill('SIGINT')
  t.match(await run.ended, { code: 130 })
  const resumed = await runCli(['resume', 'stopped'], { cwd, env })
  t.equal(resumed.code, 0, resumed.stderr)
  t.same(await readRun(join(cwd, 'stopped'), STEPS), whole, 'the same bits as in one go')
  t.equal((await readdir(cache)).length, 2, 'nothing was compiled again')
  const from = await rewindRun(join(cwd, 'stopped'), join(cwd, 'rewound'), STEPS - 1)
  t.equal((await runCli(['resume', 'rewound'], { cwd, env })).code, 0)
  t.same(await readRun(join(cwd, 'rewound'), STEPS), whole, `the state was pulled from the devices at step ${from}`)

  const evaluated = await runCli(['evaluate', 'whole', '--json'], { cwd, env })
  t.equal(evaluated.code, 0, evaluated.stderr)
  const line = (await readMetrics(runFiles(join(cwd, 'whole')).metrics)).findLast(({ kind }) => kind === 'eval')
  t.match(JSON.parse(evaluated.stdout), line?.kind === 'eval' ? { top1_error: line.top1_error } : null)
})

t.test('its losses are those of two replicas of oneDNN', { skip: withoutXla }, async (t) => {
  const other = [...TRAIN.slice(0, -1), 'cpu:2', '--out', 'cpu']
  t.equal((await runCli(other, { cwd })).code, 0)
  const [xla, onednn] = await Promise.all(
    ['whole', 'cpu'].map(async (folder) => {
      const lines = await readMetrics(runFiles(join(cwd, folder)).metrics)
      return lines.flatMap((line) => (line.kind === 'step' ? [line.loss] : []))
    }),
  )
  t.equal(xla?.length, STEPS)
  // Rounding grows from step to step, at this learning rate tenfold in two or three.
  for (const step of [0, 1, 2]) {
    const apart = Math.abs((xla?.[step] ?? Number.NaN) - (onednn?.[step] ?? Number.NaN))
    t.ok(apart < 1e-5 * 10 ** step, `losses of step ${step + 1} are ${apart} apart`)
  }
})

t.test('a plugin that is none is refused before anything is made', async (t) => {
  const missing = await runCli([...TRAIN, '--pjrt-plugin', 'absent.so', '--out', 'refused'], { cwd })
  t.match(missing, { code: 2, stderr: /no file at .*absent\.so/ })
  const wrong = await runCli([...TRAIN, '--pjrt-plugin', process.execPath, '--out', 'refused'], { cwd })
  t.equal(wrong.code, 2)
  t.match(wrong.stderr, /Expected the PJRT plugin .* to work but received: it does not load/)
  t.notOk((await readdir(cwd)).includes('refused'))
})

t.test('devices tells of the plugin', { skip: withoutXla }, async (t) => {
  const { stdout } = await runCli(['devices', '--json'], { cwd })
  const reports: readonly { executor: string; device: string }[] = JSON.parse(stdout)
  t.match(
    reports.find(({ device }) => device === 'xla-cpu'),
    { executor: 'xla', works: true, detail: /PJRT plugin xla-cpu, API 0\.\d+, cpu: 1 x cpu/, remedy: null },
  )
  t.match(
    reports.find(({ device }) => device === 'gpu'),
    { executor: 'xla' },
  )
})
