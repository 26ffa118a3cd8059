/** Parts of a run that fail while it trains: it ends with the reason, and nothing hangs. */
import { join } from 'node:path'
import t from 'tap'
import { makeConfig } from '../../src/config/make-config.ts'
import { readMetrics } from '../../src/report/metrics.ts'
import { ProgressDisplay } from '../../src/report/progress.ts'
import { runFiles } from '../../src/report/run-files.ts'
import { MetricsLog } from '../../src/train/run/metrics-log.ts'
import { RunCheckpoints } from '../../src/train/run/run-checkpoints.ts'
import type { RunningRun } from '../../src/train/run/running-run.ts'
import { openSession, type PreparedRun, prepareRun } from '../../src/train/run/session.ts'
import { planTimetable } from '../../src/train/run/timetable.ts'
import { trainEpoch } from '../../src/train/run/train-epoch.ts'
import { TINY_ARCHIVE } from './run-cli.ts'

const STEPS_PER_EPOCH = 10
t.setTimeout(60_000)

/** A run of the smallest network that stands before its first step. */
async function startRun(
  folder: string,
  change: (prepared: PreparedRun) => PreparedRun,
  onLine: () => void,
): Promise<RunningRun> {
  const settings = { network: 'resnet-8', dataset: 'cifar10', data: TINY_ARCHIVE, batch: 16, devices: 'cpu:2' }
  const config = await makeConfig(null, { ...settings, epochs: 100, logEvery: 1, out: folder })
  const prepared = change(await prepareRun(config))
  const files = runFiles(folder)
  const session = await openSession(prepared)
  const timetable = planTimetable(config, STEPS_PER_EPOCH, { height: 32, width: 32 })
  const note = () => undefined
  const log = await MetricsLog.open(files, null, note)
  return {
    prepared,
    session,
    timetable,
    files,
    log,
    checkpoints: new RunCheckpoints({ prepared, replicas: session.replicas, timetable, log, note, observer: {} }, null),
    hooks: { display: new ProgressDisplay({ write: onLine }), stop: new AbortController().signal },
    progress: { epoch: 0, step: 0, stepInEpoch: 0, seed: config.seed, best: null, sums: {}, config },
    // Nobody else is at work in the test's folder.
    lock: { lost: new AbortController().signal, check: async () => undefined, release: async () => undefined },
    observer: {},
    samples: null,
  }
}

t.test('images that cannot be decoded', async (t) => {
  const broken = (prepared: PreparedRun): PreparedRun => {
    const { dataset } = prepared
    // A split that says it has more images than its memory holds.
    return { ...prepared, dataset: { ...dataset, train: { ...dataset.train, count: 161 } } }
  }
  const run = await startRun(t.testdir(), broken, () => undefined)
  await t.rejects(trainEpoch(run), /Decoding failed: Expected \d+ bytes for 161 images/)
  await run.session.close()
  t.equal(run.progress.step, 0)
  run.log.close()
})

t.test('a replica that dies', async (t) => {
  let lines = 0
  const folder = join(t.testdir(), 'run')
  const run = await startRun(
    folder,
    (prepared) => prepared,
    () => {
      lines++
      if (lines === 3) void run.session.replicas.threads[1]?.terminate()
    },
  )
  await t.rejects(async () => {
    while ((await trainEpoch(run)) !== null) run.progress = { ...run.progress, stepInEpoch: 0, sums: {} }
  }, /replica 1 to run on but it ended/)
  await run.session.close()
  run.log.close()
  const steps = (await readMetrics(run.files.metrics)).filter(({ kind }) => kind === 'step')
  t.same(
    steps.map(({ step }) => step),
    steps.map((_, place) => place + 1),
    'the steps before it are in the log',
  )
  t.equal(steps.length, run.progress.step)
  t.ok(steps.length >= 3)
})
