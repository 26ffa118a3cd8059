/** Every signal that asks for the end: saved, ended with its code, no debugger, no lock left. */
import { readdir, readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { readMetrics } from '../../src/report/metrics.ts'
import { runFiles } from '../../src/report/run-files.ts'
import { latestCheckpoint, loadCheckpoint } from '../../src/train/checkpoint/checkpoint.ts'
import { type CliProcess, startCli, TRAIN_TINY } from './run-cli.ts'

t.setTimeout(300_000)
const cwd = t.testdir()
const trainOn = (out: string, options: Partial<Parameters<typeof startCli>[1]> = {}) =>
  startCli([...TRAIN_TINY, '--steps', '100000', '--out', out], { cwd, ...options })

/** The run is saved at the last step that its metrics tell of, and everything it held is given back. */
async function checkSaved(t: Test, out: string, { stderr }: Awaited<CliProcess['ended']>): Promise<void> {
  const folder = join(cwd, out)
  const steps = (await readMetrics(runFiles(folder).metrics)).filter(({ kind }) => kind === 'step').length
  const { progress } = await loadCheckpoint((await latestCheckpoint(folder)) ?? '')
  t.ok(steps >= 3)
  t.equal(progress.step, steps, out)
  t.notOk((await readdir(folder)).some((name) => name.startsWith('run.lock')))
  t.match(stderr, `Stopped after step ${steps}. Go on with: native-ensemble resume ${out}\n`)
  t.notMatch(stderr, /Debugger listening/)
}

t.test('each signal', async (t) => {
  const signals = [
    ['SIGTERM', 143],
    ['SIGHUP', 129],
    ['SIGQUIT', 131],
    ['SIGUSR1', 75],
    ['SIGXCPU', 75],
  ] as const
  for (const [signal, code] of signals) {
    const run = trainOn(signal)
    await run.said('step 3/')
    run.child.kill(signal)
    const ended = await run.ended
    t.equal(ended.code, code, `${signal}: ${ended.stderr}`)
    t.match(ended.stderr, `Received ${signal}: finishing the step and saving.`)
    await checkSaved(t, signal, ended)
  }
  const resumed = startCli(['resume', 'SIGUSR1'], { cwd })
  await resumed.said('step 12/')
  resumed.child.kill('SIGINT')
  t.equal((await resumed.ended).code, 130, 'the saved run goes on')
})

t.test('one request that arrives twice, and what a batch system sends next, do not cut the saving', async (t) => {
  const run = trainOn('several')
  await run.said('step 3/')
  run.child.kill('SIGTERM')
  run.child.kill('SIGTERM')
  await run.said('Received SIGTERM')
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGXCPU', 'SIGXCPU', 'SIGUSR1', 'SIGINT'] as const) run.child.kill(signal)
  const ended = await run.ended
  t.equal(ended.code, 143, ended.stderr)
  await checkSaved(t, 'several', ended)
})

t.test('SIGUSR1 at any moment of the start opens no debugger that stays, and saves what there is', async (t) => {
  for (const delay of [0, 20, 35, 50, 100, 400]) {
    const run = trainOn(`early-${delay}`)
    await new Promise((resolve) => setTimeout(resolve, delay))
    run.child.kill('SIGUSR1')
    const { code, signal, stderr } = await run.ended
    // Before Node itself is there the signal ends the process as any other.
    t.ok(code === 75 || signal === 'SIGUSR1', `after ${delay} ms: code ${code}, ${signal}, ${stderr}`)
  }
  t.equal(await answers(9229), false, "nobody listens at the debugger's port")
})

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
}

t.test('a command with nothing to save ends by the signal itself', async (t) => {
  for (const [signal, ending] of [
    ['SIGTERM', { code: null, signal: 'SIGTERM' }],
    ['SIGINT', { code: null, signal: 'SIGINT' }],
    ['SIGUSR1', { code: 75, signal: null }],
  ] as const) {
    const evaluate = startCli(['evaluate', 'SIGTERM', '--devices', 'cpu:2'], { cwd })
    await new Promise((resolve) => setTimeout(resolve, 250))
    evaluate.child.kill(signal)
    t.match(await evaluate.ended, ending)
  }
})

t.test('nohup: the terminal that goes does not end the run', async (t) => {
  const run = trainOn('nohup', { under: ['bash', '-c', 'nohup "$0" "$@"; exit $?'] })
  await run.said('step 3/')
  const { pid } = JSON.parse(await readFile(join(cwd, 'nohup', 'run.lock'), 'utf8'))
  process.kill(pid, 'SIGHUP')
  await run.said('step 20/')
  process.kill(pid, 'SIGTERM')
  const ended = await run.ended
  t.equal(ended.code, 143, ended.stderr)
  await checkSaved(t, 'nohup', ended)
})
