/** Runs that are ended from outside, and go on to what they would have computed. */
import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { readMetrics } from '../../src/report/metrics.ts'
import { runFiles } from '../../src/report/run-files.ts'
import { latestCheckpoint, listCheckpoints, loadCheckpoint } from '../../src/train/checkpoint/checkpoint.ts'
import { readFolder, readRun } from './read-run.ts'
import { type CliProcess, runCli, startCli, TRAIN_TINY } from './run-cli.ts'

const STEPS = 24
const STEPS_PER_EPOCH = 10
const TRAIN = [...TRAIN_TINY, '--steps', `${STEPS}`]
t.setTimeout(120_000)

const cwd = t.testdir()
t.equal((await runCli([...TRAIN, '--out', 'whole'], { cwd })).code, 0)
const whole = await readRun(join(cwd, 'whole'), STEPS)

/**
 * Starts runs until one ends within an epoch: a busy machine may let a run go on for steps between the line that we
 * wait for and the signal.
 */
async function endedWithinEpoch(
  name: string,
  line: string,
  end: (run: CliProcess) => void,
): Promise<{ folder: string; ended: Awaited<CliProcess['ended']>; steps: number }> {
  for (let attempt = 0; attempt < 10; attempt++) {
    const folder = join(cwd, `${name}-${attempt}`)
    const run = startCli([...TRAIN, '--out', folder], { cwd })
    await run.said(line)
    end(run)
    const ended = await run.ended
    const steps = (await readMetrics(runFiles(folder).metrics)).filter(({ kind }) => kind === 'step').length
    if (steps % STEPS_PER_EPOCH !== 0 && steps < STEPS) return { folder, ended, steps }
  }
  throw new Error('Expected one of 10 runs to be ended within an epoch')
}

t.test('SIGINT saves the step; the resumed run computes the same bits', async (t) => {
  const { folder, ended, steps } = await endedWithinEpoch('stopped', 'step 12/', ({ child }) => child.kill('SIGINT'))
  t.equal(ended.code, 130)
  t.match(ended.stderr, `Stopped after step ${steps}. Go on with: native-ensemble resume ${folder}\n`)
  t.equal(ended.stdout, '', 'no result is told')
  const checkpoint = await loadCheckpoint((await latestCheckpoint(folder)) ?? '')
  t.match(checkpoint.progress, { step: steps, stepInEpoch: steps % STEPS_PER_EPOCH })
  t.ok((await readdir(folder)).includes('report.html'), 'the report shows what there is')

  const resumed = await runCli(['resume', folder, '--decode-workers', '2'], { cwd })
  t.equal(resumed.code, 0, resumed.stderr)
  t.same(await readRun(folder, STEPS), whole)
  t.equal((await readdir(runFiles(folder).events)).length, 2)

  const before = await readFolder(join(folder, 'checkpoints'))
  t.equal((await runCli(['resume', folder], { cwd })).code, 0, 'a finished run has nothing left to do')
  t.same(await readFolder(join(folder, 'checkpoints')), before)
  t.same(await readRun(folder, STEPS), whole)
})

t.test('a killed run goes on from its last checkpoint', async (t) => {
  const { folder, ended, steps } = await endedWithinEpoch('killed', 'step 14/', ({ child }) => child.kill('SIGKILL'))
  t.equal(ended.signal, 'SIGKILL')
  t.equal((await listCheckpoints(folder)).at(-1), steps - (steps % STEPS_PER_EPOCH))
  t.equal((await runCli(['resume', folder], { cwd })).code, 0)
  t.same(await readRun(folder, STEPS), whole)
})

t.test('a second SIGINT ends the run at once, replicas that wait for each other too', async (t) => {
  for (const options of [
    ['--devices', 'cpu'],
    ['--devices', 'cpu:2', '--network', 'resnet-32'],
  ]) {
    const folder = join(cwd, `twice-${options[1]}`)
    const run = startCli([...TRAIN_TINY, '--steps', '100000', '--out', folder, ...options], { cwd })
    await run.said('step 3/')
    run.child.kill('SIGINT')
    await run.said('Once more to end at once.')
    // Sooner it would count as the same Ctrl-C, which a launcher handed on.
    await new Promise((resolve) => setTimeout(resolve, 600))
    run.child.kill('SIGINT')
    t.match(await run.ended, { code: 130, signal: null }, options.join(' '))
    t.ok((await readMetrics(runFiles(folder).metrics)).length >= 3, 'metrics are whole lines')
  }
})

t.test('a report that cannot be written changes nothing of how the run ends', async (t) => {
  const run = startCli([...TRAIN_TINY, '--steps', '100000', '--out', 'no-report'], { cwd })
  await run.said('step 3/')
  await mkdir(join(cwd, 'no-report', 'report.html', 'in the way'), { recursive: true })
  run.child.kill('SIGINT')
  const { code, stderr } = await run.ended
  t.equal(code, 130, stderr)
  t.match(stderr, /The report was not written: .* native-ensemble report no-report\n/)
  t.match(stderr, /Stopped after step \d+\. Go on with: native-ensemble resume no-report\n/)
})

t.test('SIGINT before the first step', async (t) => {
  const run = startCli([...TRAIN, '--out', 'early'], { cwd })
  await run.said('is not the published archive')
  run.child.kill('SIGINT')
  const { code, stderr } = await run.ended
  t.equal(code, 130)
  t.match(stderr, /Stopped after step \d+\. Go on with: native-ensemble resume early\n/)
  t.equal((await runCli(['resume', 'early'], { cwd })).code, 0)
  t.same(await readRun(join(cwd, 'early'), STEPS), whole)
})
