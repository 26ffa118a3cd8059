/** The scripts of examples/ as they are, with a short training, and the signals that SLURM and Kubernetes send. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { parse } from 'yaml'
import { z } from 'zod'
import { readRun } from '../trainer/read-run.ts'
import { runCli, TRAIN_TINY } from '../trainer/run-cli.ts'

t.setTimeout(300_000)
const root = fileURLToPath(new URL('../../../', import.meta.url))
const STEPS = 30
const TRAIN = [...TRAIN_TINY.slice(1), '--steps', `${STEPS}`].join(' ')
const cwd = t.testdir()
t.equal((await runCli(['train', ...TRAIN.split(' '), '--out', 'whole'], { cwd })).code, 0)
const whole = await readRun(join(cwd, 'whole'), STEPS)

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20))
}

const hasStep = (run: string) => async () =>
  (await readFile(join(run, 'metrics.jsonl'), 'utf8').catch(() => '')).includes('"step":5,')

function ended(child: ChildProcess): Promise<{ code: number | null; signal: string | null; text: string }> {
  let text = ''
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (more: Buffer) => (text += more.toString()))
  return new Promise((resolve) => child.on('close', (code, signal) => resolve({ code, signal, text })))
}

t.test('examples/slurm/train.sbatch', async (t) => {
  const script = join(root, 'examples', 'slurm', 'train.sbatch')
  const directives = (await readFile(script, 'utf8')).split('\n').filter((line) => line.startsWith('#SBATCH'))
  for (const needed of ['--signal=USR1@300', '--requeue', '--open-mode=append']) {
    t.ok(directives.includes(`#SBATCH ${needed}`), needed)
  }
  const signalled = directives.map((line) => line.indexOf('--signal=B:'))
  t.notOk(
    signalled.some((place) => place >= 0),
    'the signal goes to the steps',
  )

  // SLURM is not here: srun is a step of one task whose process SLURM knows, scontrol notes what it is asked.
  const bin = join(cwd, 'bin')
  await mkdir(bin)
  await writeFile(join(bin, 'srun'), `#!/bin/sh\necho $$ > '${cwd}/step.pid'\nexec "$@"\n`)
  await writeFile(join(bin, 'scontrol'), `#!/bin/sh\necho "$@" >> '${cwd}/scontrol.calls'\n`)
  for (const name of ['srun', 'scontrol']) await chmod(join(bin, name), 0o755)
  const env = {
    ...process.env,
    PATH: `${bin}:${process.env['PATH']}`,
    ...{ SLURM_JOB_ID: '42', SLURM_NTASKS: '1', SLURM_PROCID: '0', SLURM_NNODES: '1' },
    ...{ RUN: 'runs/slurm', TRAIN, NATIVE_ENSEMBLE: root },
  }
  const submit = () => spawn('bash', [script], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
  const calls = () => readFile(join(cwd, 'scontrol.calls'), 'utf8').catch(() => '')

  const first = submit()
  const firstEnd = ended(first)
  await until(hasStep(join(cwd, 'runs', 'slurm')))
  process.kill(Number(await readFile(join(cwd, 'step.pid'), 'utf8')), 'SIGUSR1')
  const { code, text } = await firstEnd
  t.equal(code, 75, text)
  t.notMatch(text, /Debugger/)
  t.equal(await calls(), 'requeue 42\n')
  t.notOk((await readdir(join(cwd, 'runs', 'slurm'))).includes('run.lock'))

  const second = await ended(submit())
  t.equal(second.code, 0, second.text)
  t.equal(await calls(), 'requeue 42\n', 'a run that is finished is not put into the queue again')
  t.same(await readRun(join(cwd, 'runs', 'slurm'), STEPS), whole)

  const wrong = await ended(spawn('bash', [script], { cwd, env: { ...env, RUN: 'new', TRAIN: '--batch none' } }))
  t.equal(wrong.code, 2, wrong.text)
  t.equal(await calls(), 'requeue 42\n', 'nor is a fault')
  t.equal(spawnSync('bash', ['-n', script]).status, 0)
})

const jobSchema = z.object({
  apiVersion: z.literal('batch/v1'),
  kind: z.literal('Job'),
  spec: z.object({
    podFailurePolicy: z.object({ rules: z.array(z.object({ action: z.string() }).loose()) }),
    template: z.object({
      spec: z.object({
        restartPolicy: z.literal('Never'),
        terminationGracePeriodSeconds: z.number().min(60),
        containers: z.tuple([
          z.object({
            name: z.string(),
            command: z.array(z.string()),
            args: z.array(z.string()),
            env: z.array(z.object({ name: z.string(), value: z.string() })),
          }),
        ]),
      }),
    }),
  }),
})

t.test('examples/kubernetes/job.yaml', async (t) => {
  const manifest = jobSchema.parse(parse(await readFile(join(root, 'examples', 'kubernetes', 'job.yaml'), 'utf8')))
  const [{ name, command, args, env }] = manifest.spec.template.spec.containers
  const failing = manifest.spec.podFailurePolicy.rules.find(({ action }) => action === 'FailJob')
  t.match(failing, { onExitCodes: { containerName: name, values: [2] } })

  const values: Record<string, string> = { NATIVE_ENSEMBLE: root, RUN: 'pod-runs/run', TRAIN }
  t.same(env.map((variable) => variable.name).sort(), Object.keys(values).sort())
  const [program = '', ...before] = command
  const startPod = (changes = {}) =>
    spawn(program, [...before, ...args], { cwd, env: { ...process.env, ...values, ...changes } })

  const first = startPod()
  const firstEnd = ended(first)
  await until(hasStep(join(cwd, 'pod-runs', 'run')))
  first.kill('SIGTERM')
  const { code, text } = await firstEnd
  t.equal(code, 143, text)

  const second = await ended(startPod())
  t.equal(second.code, 0, second.text)
  t.same(await readRun(join(cwd, 'pod-runs', 'run'), STEPS), whole)
  t.equal((await ended(startPod({ RUN: 'new', TRAIN: '--batch none' }))).code, 2, 'a fault fails the job')
})
