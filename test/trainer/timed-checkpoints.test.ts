/** Checkpoints by time, and what happens where one cannot be written. */
import { readdirSync, rmSync, writeFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { type GivenSettings, makeConfig, readConfig } from '../../src/config/make-config.ts'
import { viewState } from '../../src/engine/graph/state-layout.ts'
import { ProgressDisplay } from '../../src/report/progress.ts'
import { BackgroundSaver } from '../../src/train/checkpoint/background-saver.ts'
import { checkpointsFolder, listCheckpoints, loadCheckpoint } from '../../src/train/checkpoint/checkpoint.ts'
import { restoreState } from '../../src/train/checkpoint/state-tensors.ts'
import { loadImages } from '../../src/train/run/load-images.ts'
import { neededSpace } from '../../src/train/run/needed-space.ts'
import { prepareRun } from '../../src/train/run/session.ts'
import { planTimetable } from '../../src/train/run/timetable.ts'
import { resume, train } from '../../src/train/run/train.ts'
import { checkpointAt, filledState, smallLayout } from '../checkpoint/small-run.ts'
import { readRun } from './read-run.ts'
import { rewindRun } from './rewind-run.ts'
import { TINY_ARCHIVE } from './run-cli.ts'

const STEPS = 24
const TINY = { network: 'resnet-8', dataset: 'cifar10', data: TINY_ARCHIVE, batch: 16, logEvery: 1, steps: STEPS }
t.setTimeout(580_000)
const cwd = t.testdir()

/** @param onText told of all that a run shows */
async function trainTiny(
  name: string,
  settings: GivenSettings,
  onText: (text: string) => void = () => undefined,
  stop = new AbortController().signal,
) {
  const config = await makeConfig(null, { ...TINY, out: join(cwd, name), ...settings })
  const display = new ProgressDisplay({ write: onText })
  return await train(config, loadImages(config), { display, stop })
}

async function resumeRun(name: string, onText: (text: string) => void = () => undefined) {
  const config = await readConfig(join(cwd, name))
  const display = new ProgressDisplay({ write: onText })
  return await resume(config, loadImages(config), { display, stop: new AbortController().signal })
}

t.equal((await trainTiny('whole', { checkpointMinutes: 0 })).ended, 'finished')
const whole = await readRun(join(cwd, 'whole'), STEPS)
t.same(await listCheckpoints(join(cwd, 'whole')), [10, 20, 24], 'none within an epoch, and the best is one of them')

t.test('by time: the numbers are the same, with them and from them', async (t) => {
  for (const devices of ['cpu', 'cpu:2']) {
    const settings = { devices, checkpointMinutes: 1e-4, keep: 99 }
    t.equal((await trainTiny(`timed-${devices}`, settings)).ended, 'finished')
    const alone = devices === 'cpu' ? whole : await readRun(join(cwd, `timed-${devices}`), STEPS)
    t.same(await readRun(join(cwd, `timed-${devices}`), STEPS), alone)
    for (const step of [9, 19]) {
      const name = `rewound-${devices}-${step}`
      const from = await rewindRun(join(cwd, `timed-${devices}`), join(cwd, name), step)
      t.equal((await resumeRun(name)).ended, 'finished')
      t.same(await readRun(join(cwd, name), STEPS), alone, `from step ${from}`)
    }
  }
})

t.test('the newest of each kind stay', async (t) => {
  await trainTiny('kept', { checkpointSteps: 1, keep: 1 })
  const steps = await listCheckpoints(join(cwd, 'kept'))
  const { progress } = await loadCheckpoint(join(checkpointsFolder(join(cwd, 'kept')), 'step-00000024'))
  const best = progress.best?.step ?? 0
  // The last step of this run ends no whole epoch, so it counts among those within.
  t.same(
    steps,
    [...new Set([best, 20, 24])].sort((one, other) => one - other),
  )
})

t.test('training goes on while checkpoints cannot be written, says so once, and tries again', async (t) => {
  const folder = join(cwd, 'hindered')
  const inTheWay = checkpointsFolder(folder)
  const said: string[] = []
  const { ended } = await trainTiny('hindered', { checkpointSteps: 2, checkpointMinutes: 0 }, (text) => {
    said.push(text)
    if (text.includes('step 1/')) writeFileSync(inTheWay, '')
    if (text.includes('step 14/')) rmSync(inTheWay)
  })
  t.equal(ended, 'finished')
  const told = said.filter((text) => /^(No c|C)heckpoint/.test(text))
  t.equal(told.length, 2, told.join(''))
  t.match(told[0], /^No checkpoint of step 2: Cannot save .*checkpoints: .* will try again; there is none yet\.\n$/s)
  t.match(told[1], /^Checkpoints are written again, the first is that of step 1\d\.\n$/)
  t.same(await readRun(folder, STEPS), whole)
  const { progress } = await loadCheckpoint(join(checkpointsFolder(folder), 'step-00000024'))
  t.not(progress.best?.step, 10, 'the best is one that was written')
})

t.test('a last state that cannot be written is told, and the run begins anew where it has no other', async (t) => {
  const folder = join(cwd, 'unsaved')
  const hinder = (text: string) => {
    if (text.includes('step 1/')) writeFileSync(checkpointsFolder(folder), '')
  }
  const stop = new AbortController()
  const stopping = trainTiny(
    'unsaved',
    {},
    (text) => {
      hinder(text)
      if (text.includes('step 4/')) stop.abort()
    },
    stop.signal,
  )
  const message = /state after step \d is not saved: Cannot save/
  await t.rejects(stopping, { name: 'UserFault', message, remedy: /no earlier checkpoint/ })
  rmSync(checkpointsFolder(folder))
  const said: string[] = []
  t.equal((await resumeRun('unsaved', (text) => said.push(text))).ended, 'finished')
  t.match(said.join(''), /ended before its first checkpoint: it begins anew/)
  t.same(await readRun(folder, STEPS), whole, 'each line of metrics stands there once')

  rmSync(checkpointsFolder(folder), { recursive: true })
  await t.rejects(resumeRun('unsaved'), { name: 'UserFault', message: /a checkpoint for the run to resume/ })
})

t.test('what a killed process left aside is removed by the next', async (t) => {
  const folder = join(cwd, 'left')
  const from = await rewindRun(join(cwd, 'timed-cpu'), folder, 19)
  const before = readdirSync(folder)
  for (const name of ['.tmp-step-00000022', '.tmp-old-step-00000003']) {
    writeFileSync(join(checkpointsFolder(folder), name), '')
  }
  for (const name of ['metrics.jsonl.tmp', 'report.html.tmp-17']) writeFileSync(join(folder, name), '')
  t.equal((await resumeRun('left')).ended, 'finished')
  t.same(await readRun(folder, STEPS), whole, `from step ${from}`)
  t.same(await readdir(folder), before)
  t.same(
    (await readdir(checkpointsFolder(folder))).filter((name) => !name.startsWith('step-')),
    [],
  )
})

t.test('the thread saves what was taken, while the state goes on', async (t) => {
  const run = t.testdir()
  const saver = new BackgroundSaver({
    runFolder: run,
    layout: smallLayout,
    rule: { keep: 2, stepsPerEpoch: 10 },
    description: null,
  })
  const state = filledState(12)
  saver.take(state)
  const saving = saver.save(checkpointAt(12).progress)
  new Float32Array(state).fill(-1)
  t.same(await saving, { kind: 'saved' })
  const loaded = await loadCheckpoint(join(checkpointsFolder(run), 'step-00000012'))
  const restored = filledState(0)
  restoreState(smallLayout, restored, loaded.tensors, 'here')
  for (const tensor of smallLayout.tensors) {
    t.same(viewState(tensor, restored), viewState(tensor, filledState(12)), tensor.name)
  }

  new Float32Array(state)[smallLayout.tensors[1]?.offset ?? 0] = Number.NaN
  saver.take(state)
  const answer = await saver.save(checkpointAt(13).progress)
  t.match(answer, { kind: 'diverged', tensor: 'branches.0.fc.weight', element: Number.NaN })
  t.same(await listCheckpoints(run), [12], 'what diverged is no checkpoint')
  await saver.close()

  const other = t.testdir({ checkpoints: 'a file in the way' })
  const hindered = new BackgroundSaver({
    runFolder: other,
    layout: smallLayout,
    rule: { keep: 2, stepsPerEpoch: 10 },
    description: null,
  })
  hindered.take(filledState(1))
  await t.rejects(hindered.save(checkpointAt(1).progress), { name: 'UserFault', message: /checkpoints/ })
  await hindered.close()
})

t.test('the space that a run needs', async (t) => {
  const needed = async (settings: GivenSettings, existing: number) => {
    const { steps: _, ...byEpochs } = TINY
    const config = await makeConfig(null, { ...byEpochs, out: join(cwd, 'planned'), ...settings })
    const prepared = await prepareRun(config)
    const { one, least, most } = neededSpace(prepared, planTimetable(config, 10, { height: 32, width: 32 }), existing)
    t.ok(one > 4 * prepared.step.layout.elements)
    return [Math.round(least / one), most / one]
  }
  t.same(await needed({ epochs: 300 }, 0), [2, 6], 'two ends, the best, two within, one being written')
  t.same(await needed({ epochs: 300 }, 4), [1, 2])
  t.same(await needed({ epochs: 300, checkpointMinutes: 0, keep: 5 }, 0), [2, 7])
  t.same(await needed({ epochs: 1, checkpointMinutes: 0 }, 0), [1, 1])
  const [, ensemble = 0] = await needed({ method: 'snapshot', snapshots: 4, epochs: 300 }, 0)
  t.ok(ensemble > 8 && ensemble < 10, 'four networks without momentum beside them')
})
