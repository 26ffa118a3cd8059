/** Runs of each method: stopped and resumed to the same bits, evaluated, exported, begun from given weights. */
import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { type GivenSettings, makeConfig, readConfig } from '../../src/config/make-config.ts'
import type { EvalLine } from '../../src/report/metrics.ts'
import { ProgressDisplay } from '../../src/report/progress.ts'
import { checkpointFolder, latestCheckpoint, MODEL_FILE } from '../../src/train/checkpoint/checkpoint.ts'
import { exportBranch } from '../../src/train/checkpoint/export.ts'
import { readSafetensors, writeSafetensors } from '../../src/train/checkpoint/safetensors.ts'
import { evaluateRun } from '../../src/train/run/evaluate-run.ts'
import { loadImages } from '../../src/train/run/load-images.ts'
import { resume, type TrainOutcome, train } from '../../src/train/run/train.ts'
import { fixturePath } from '../fixtures-folder.ts'
import { readFolder, readRun } from './read-run.ts'
import { rewindRun } from './rewind-run.ts'
import { TINY_ARCHIVE } from './run-cli.ts'

const SMALL = 'densenet-bc-10-12'
const TINY = { network: 'resnet-8', dataset: 'cifar10', data: TINY_ARCHIVE, batch: 16, logEvery: 1 } as const
t.setTimeout(580_000)
const cwd = t.testdir()

/** Aborts once what a run shows has the text; a second text is waited for behind the first. */
function hooksThatStopAt(...texts: string[]) {
  const stop = new AbortController()
  const write = (shown: string) => {
    if (texts[0] !== undefined && shown.includes(texts[0])) texts.shift()
    if (texts.length === 0) stop.abort()
  }
  return { display: new ProgressDisplay({ write }), stop: stop.signal }
}

const toTheEnd = () => hooksThatStopAt('never shown')

async function trainTiny(name: string, settings: GivenSettings, hooks = toTheEnd()): Promise<TrainOutcome> {
  const config = await makeConfig(null, { ...TINY, out: join(cwd, name), ...settings })
  return await train(config, loadImages(config), hooks)
}

async function resumeRun(name: string, changes: GivenSettings = {}): Promise<TrainOutcome> {
  const config = await readConfig(join(cwd, name), changes)
  return await resume(config, loadImages(config), toTheEnd())
}

async function evaluate(name: string): Promise<EvalLine> {
  const config = await readConfig(join(cwd, name))
  const checkpoint = (await latestCheckpoint(config.out)) ?? ''
  return await evaluateRun(config, loadImages(config), checkpoint, 'test')
}

const METHODS: readonly { name: string; settings: GivenSettings; stopAt: string | string[]; steps: number }[] = [
  { name: 'dml', settings: { method: 'dml', peers: `resnet-8,${SMALL}`, steps: 14 }, stopAt: 'step 5/', steps: 14 },
  { name: 'cl', settings: { method: 'cl', peers: '3', steps: 14 }, stopAt: 'step 5/', steps: 14 },
  { name: 'cl-ilr', settings: { method: 'cl-ilr', branches: 3, steps: 14 }, stopAt: 'step 5/', steps: 14 },
  { name: 'kdcl', settings: { method: 'kdcl', peers: `resnet-8,${SMALL}`, steps: 14 }, stopAt: 'step 5/', steps: 14 },
  { name: 'okddip', settings: { method: 'okddip', branches: 3, steps: 14 }, stopAt: 'step 5/', steps: 14 },
  {
    name: 'dkd',
    settings: { method: 'dkd', teacherNetwork: SMALL, rampUp: 2, steps: 14 },
    stopAt: ['Now the student', 'step 5/'],
    steps: 14,
  },
  { name: 'ensemble', settings: { method: 'ensemble', peers: '2', steps: 14 }, stopAt: 'step 12/', steps: 14 },
  {
    name: 'unshared',
    settings: { method: 'one', branches: 2, share: 'none', steps: 14 },
    stopAt: 'step 5/',
    steps: 14,
  },
  {
    name: 'ungated',
    settings: { method: 'one', gate: 'average', distill: 'off', steps: 4 },
    stopAt: 'step 2/',
    steps: 4,
  },
  { name: 'snapshot', settings: { method: 'snapshot', snapshots: 2, epochs: 3 }, stopAt: 'step 24/', steps: 30 },
]

for (const { name, settings, stopAt, steps } of METHODS) {
  t.test(`${name}: stopped, resumed and evaluated`, async (t) => {
    const whole = await trainTiny(`${name}-whole`, settings)
    t.equal(whole.ended, 'finished')
    const within = { checkpointSteps: 3, keep: 99 }
    const stopped = await trainTiny(`${name}-stopped`, { ...settings, ...within }, hooksThatStopAt(...[stopAt].flat()))
    t.equal(stopped.ended, 'interrupted')
    t.equal((await resumeRun(`${name}-stopped`)).ended, 'finished')
    t.same(await readRun(join(cwd, `${name}-stopped`), steps), await readRun(join(cwd, `${name}-whole`), steps))
    const begins = [3, steps - 1].map((step) => ({ copy: `${name}-from-${step}`, step }))
    for (const { copy, step } of begins) {
      const from = await rewindRun(join(cwd, `${name}-stopped`), join(cwd, copy), step)
      t.not(from % 10, 0, `step ${from} lies within an epoch`)
      t.equal((await resumeRun(copy, { decodeWorkers: 3 })).ended, 'finished')
      t.same(await readRun(join(cwd, copy), steps), await readRun(join(cwd, `${name}-whole`), steps), `from ${from}`)
    }
    const { top1_error, top5_error } = await evaluate(`${name}-whole`)
    t.same({ top1_error, top5_error }, pick(whole.evaluation), 'evaluate says what training said')
  })
}

const pick = (line: EvalLine | null) => ({ top1_error: line?.top1_error, top5_error: line?.top5_error })

t.test('each cycle of snapshot leaves a network, and the run says what their ensemble errs', async (t) => {
  const files = ['snapshot-0.safetensors', 'snapshot-1.safetensors']
  t.same(await readdir(join(cwd, 'snapshot-whole', 'snapshots')), files)
  const [one, two] = ['snapshot-whole', 'snapshot-stopped'].map((run) => readFolder(join(cwd, run, 'snapshots')))
  t.same(await one, await two)
  const { metrics } = await readRun(join(cwd, 'snapshot-whole'), 30)
  const evaluations = metrics.filter((line) => line.kind === 'eval')
  t.same(
    evaluations.map(({ epoch, top1_error }) => [epoch, top1_error.teacher !== null]),
    [
      [0, false],
      [1, true],
      [2, true],
    ],
  )
  // The ensemble of one network is that network.
  t.equal(evaluations[1]?.top1_error.teacher, evaluations[1]?.top1_error.mean)
  const last = await readSafetensors(join(cwd, 'snapshot-whole', 'snapshots', 'snapshot-1.safetensors'))
  t.same(last, await readSafetensors(join(checkpointFolder(join(cwd, 'snapshot-whole'), 30), MODEL_FILE)))
})

t.test('kd trains its teacher first, and both go on where they were stopped', async (t) => {
  const settings = { method: 'kd', teacherNetwork: SMALL, steps: 14 }
  t.equal((await trainTiny('kd-whole', settings)).ended, 'finished')
  const inTeacher = await trainTiny('kd-in-teacher', settings, hooksThatStopAt('step 5/'))
  t.match(inTeacher, { ended: 'interrupted', step: 0 })
  const inStudent = await trainTiny('kd-in-student', settings, hooksThatStopAt('Now the student', 'step 5/'))
  t.equal(inStudent.ended, 'interrupted')
  t.ok(inStudent.step > 0)
  const wanted = await readRun(join(cwd, 'kd-whole'), 14)
  for (const name of ['kd-in-teacher', 'kd-in-student']) {
    t.equal((await resumeRun(name)).ended, 'finished')
    t.same(await readRun(join(cwd, name), 14), wanted, name)
  }
  t.equal((await evaluate('kd-whole')).top1_error.teacher, null)

  const teacher = join(cwd, 'kd-whole', 'teacher')
  const model = await readSafetensors(join(checkpointFolder(teacher, 14), MODEL_FILE))
  const frozen = await readSafetensors(join(checkpointFolder(join(cwd, 'kd-whole'), 14), MODEL_FILE))
  for (const { name, data } of model) {
    t.same(frozen.find((tensor) => tensor.name === `teacher.${name}`)?.data, data, `${name} is as it was`)
  }
  const given = [{ teacher }, { teacher: checkpointFolder(teacher, 14) }]
  const file = { teacher: join(checkpointFolder(teacher, 14), MODEL_FILE), teacherNetwork: SMALL }
  for (const [index, choice] of [...given, file].entries()) {
    await trainTiny(`kd-given-${index}`, { method: 'kd', steps: 14, ...choice })
    t.same(await readRun(join(cwd, `kd-given-${index}`), 14), wanted, 'a teacher that is given')
  }
})

t.test('any of the networks is exported as a plain one, which a run can begin from', async (t) => {
  const plain = await readSafetensors(fixturePath('pytorch/vanilla-resnet8.init.safetensors'))
  const shapes = plain.map(({ name, shape }) => [name, shape])
  for (const [run, branch, step] of [
    ['ensemble-whole', 1, 14],
    ['unshared-whole', 1, 14],
    ['dml-whole', 0, 14],
    ['cl-whole', 2, 14],
    ['okddip-whole', 0, 14],
    ['cl-ilr-whole', 1, 14],
    ['kdcl-whole', 0, 14],
    ['kd-whole', 0, 14],
    ['snapshot-whole', 0, 30],
  ] as const) {
    const out = join(cwd, `${run}.safetensors`)
    await exportBranch(checkpointFolder(join(cwd, run), step), branch, out)
    t.same(
      (await readSafetensors(out)).map(({ name, shape }) => [name, shape]),
      shapes,
      run,
    )
  }
  await t.rejects(exportBranch(checkpointFolder(join(cwd, 'dml-whole'), 14), 2, join(cwd, 'none')), /from 0 to 1/)
  const init = join(cwd, 'kd-whole.safetensors')
  t.equal((await trainTiny('init-kd', { method: 'kd', teacherNetwork: SMALL, steps: 2, init })).ended, 'finished')
  const peers = join(checkpointFolder(join(cwd, 'dml-whole'), 14), MODEL_FILE)
  const settings = { method: 'dml', peers: `resnet-8,${SMALL}`, steps: 2, init: peers }
  t.equal((await trainTiny('init-dml', settings)).ended, 'finished')
})

t.test('a teacher that does not fit is refused before anything is made', async (t) => {
  const teacher = join(cwd, 'kd-whole', 'teacher')
  const file = join(checkpointFolder(teacher, 14), MODEL_FILE)
  const bare = join(cwd, 'bare.safetensors')
  await writeSafetensors(bare, await readSafetensors(file))
  const cases: [settings: GivenSettings, message: RegExp][] = [
    [{ teacher: join(cwd, 'nowhere') }, /read the teacher .*nowhere/],
    [{ teacher: cwd }, /the folder of a run/],
    [{ teacher: bare }, /the name of a network for --teacher-network but received nothing/],
    [{ teacher: bare, teacherNetwork: 'resnet-8' }, /tensors of this network for .* differ/s],
    [{ teacher: file, teacherNetwork: 'resnet-8' }, /densenet-bc-10-12 for --teacher-network but received resnet-8/],
    [{ teacher, teacherNetwork: 'resnet-14' }, /densenet-bc-10-12 for --teacher-network but received resnet-14/],
    [
      { teacher, dataset: 'cifar100' },
      /a teacher trained on cifar100 for --teacher but received .* trained on cifar10/,
    ],
    [{ teacherNetwork: SMALL, init: join(cwd, 'nowhere') }, /nowhere/],
  ]
  for (const [settings, message] of cases) {
    await t.rejects(trainTiny('refused', { method: 'kd', steps: 2, ...settings }), { name: 'UserFault', message })
    t.notOk(existsSync(join(cwd, 'refused')), 'nothing was made')
  }
})
