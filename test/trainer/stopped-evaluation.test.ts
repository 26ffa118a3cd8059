/** Runs that are ended while they evaluate go on with that evaluation. */
import { join } from 'node:path'
import t from 'tap'
import { type GivenSettings, makeConfig, readConfig } from '../../src/config/make-config.ts'
import { readMetrics } from '../../src/report/metrics.ts'
import { ProgressDisplay } from '../../src/report/progress.ts'
import { runFiles } from '../../src/report/run-files.ts'
import { latestCheckpoint, loadCheckpoint } from '../../src/train/checkpoint/checkpoint.ts'
import { loadImages } from '../../src/train/run/load-images.ts'
import type { TrainHooks } from '../../src/train/run/running-run.ts'
import { resume, train } from '../../src/train/run/train.ts'
import { readRun } from './read-run.ts'
import { TINY_ARCHIVE } from './run-cli.ts'

const TINY = { network: 'resnet-8', dataset: 'cifar10', data: TINY_ARCHIVE, batch: 16, logEvery: 1 } as const
const QUIET = { write: () => undefined }
t.setTimeout(120_000)
const cwd = t.testdir()

/** Aborts the run at the first sign of evaluation number `count`, which is always told of, terminal or not. */
class StopInEvaluation extends ProgressDisplay {
  readonly controller = new AbortController()
  #left: number

  constructor(count: number) {
    super(QUIET)
    this.#left = count
  }

  override status(text: string): void {
    if (/^evaluating: \d+\/40 images$/.test(text) && text.includes(': 16/')) this.#left--
    if (this.#left === 0) this.controller.abort()
  }
}

function stopInEvaluation(count: number): TrainHooks {
  const display = new StopInEvaluation(count)
  return { display, stop: display.controller.signal }
}

const toTheEnd = (): TrainHooks => ({ display: new ProgressDisplay(QUIET), stop: new AbortController().signal })

async function trainTiny(name: string, settings: GivenSettings, hooks: TrainHooks) {
  const config = await makeConfig(null, { ...TINY, out: join(cwd, name), ...settings })
  return await train(config, loadImages(config), hooks)
}

const CASES: readonly { name: string; settings: GivenSettings; evaluation: number; stepInEpoch: number }[] = [
  { name: 'after an epoch', settings: { epochs: 2 }, evaluation: 1, stepInEpoch: 10 },
  { name: 'after the last epoch', settings: { epochs: 2 }, evaluation: 2, stepInEpoch: 10 },
  { name: 'after steps that end within an epoch', settings: { steps: 14 }, evaluation: 2, stepInEpoch: 4 },
  {
    name: 'at the end of a cycle',
    settings: { method: 'snapshot', snapshots: 2, epochs: 2 },
    evaluation: 2,
    stepInEpoch: 10,
  },
]

for (const [index, { name, settings, evaluation, stepInEpoch }] of CASES.entries()) {
  t.test(name, async (t) => {
    const whole = await trainTiny(`whole-${index}`, settings, toTheEnd())
    const folder = join(cwd, `stopped-${index}`)
    const stopped = await trainTiny(`stopped-${index}`, settings, stopInEvaluation(evaluation))
    t.equal(stopped.ended, 'interrupted')
    const { progress } = await loadCheckpoint((await latestCheckpoint(folder)) ?? '')
    t.match(progress, { epoch: evaluation - 1, stepInEpoch })
    const lines = await readMetrics(runFiles(folder).metrics)
    t.equal(lines.filter(({ kind }) => kind === 'eval').length, evaluation - 1)

    const config = await readConfig(folder)
    const resumed = await resume(config, loadImages(config), toTheEnd())
    t.match(resumed, { ended: 'finished', step: whole.step })
    t.same(await readRun(folder, whole.step), await readRun(join(cwd, `whole-${index}`), whole.step))
    const again = await resume(config, loadImages(config), toTheEnd())
    t.match(again, { ended: 'finished', evaluation: null }, 'nothing is left to do')
  })
}
