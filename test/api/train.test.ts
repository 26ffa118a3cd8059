/** `train`, `resume` and `evaluate` as a program calls them: by the package's own name, as its users do. */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type EpochEvent, evaluate, resume, type StepEvent, train, UserFault } from 'native-ensemble'
import t from 'tap'
import { TINY_ARCHIVE } from '../trainer/run-cli.ts'

t.setTimeout(240_000)
const cwd = t.testdir()
const TINY = { network: 'resnet-8', dataset: 'cifar10', data: TINY_ARCHIVE, batch: 16, branches: 2 } as const

t.test('a run is followed, stopped within an epoch, resumed to the same bits, and evaluated', async (t) => {
  const whole = join(cwd, 'whole')
  const steps: StepEvent[] = []
  const epochs: EpochEvent[] = []
  const checkpoints: string[] = []
  const listeners = process.eventNames().length
  const finished = await train({
    ...TINY,
    epochs: 2,
    out: whole,
    onStep: (event) => {
      steps.push(event)
    },
    onEpoch: async (event) => {
      epochs.push(event)
      await Promise.resolve()
    },
    onCheckpoint: ({ step, checkpoint }) => {
      t.ok(existsSync(join(checkpoint, 'model.safetensors')))
      checkpoints.push(`${step}`)
    },
  })
  t.match(finished, { folder: whole, ended: 'finished', step: 20, rank: 0 })
  t.equal(process.eventNames().length, listeners, 'no handlers stay')
  t.same(
    steps.map(({ step, epoch }) => [step, epoch]),
    Array.from({ length: 20 }, (_, step) => [step + 1, Math.floor(step / 10)]),
  )
  const [first] = steps
  t.ok(first !== undefined && first.loss > 0 && first.learningRate === 0.1)
  t.same(Object.keys(first?.parts ?? {}), [
    'cross_entropy.0',
    'cross_entropy.1',
    'cross_entropy.teacher',
    'distillation',
  ])
  t.same(
    epochs.map(({ epoch, step, test }) => [epoch, step, test?.images, test?.top1.members.length]),
    [
      [0, 10, 40, 2],
      [1, 20, 40, 2],
    ],
  )
  t.same(epochs.at(-1)?.test, finished.test)
  const mean = steps.slice(0, 10).reduce((sum, { loss }) => sum + loss / 10, 0)
  t.ok(Math.abs((epochs[0]?.train?.loss ?? 0) - mean) < 1e-9)
  t.same(checkpoints, ['10', '20'])

  const parts = join(cwd, 'parts')
  const stopped = await train({
    ...TINY,
    epochs: 2,
    out: parts,
    onStep: ({ step, stop }) => (step === 3 ? stop() : undefined),
  })
  t.equal(stopped.ended, 'stopped')
  t.ok(stopped.step >= 3 && stopped.step < 10, `${stopped.step}`)
  const resumed = await resume(parts)
  t.match(resumed, { ended: 'finished', step: 20 })
  const model = (run: string) => readFile(join(run, 'checkpoints/step-00000020/model.safetensors'))
  t.ok((await model(whole)).equals(await model(parts)))
  const again = await evaluate(whole)
  t.same([again.step, again.top1, again.top5], [20, finished.test?.top1, finished.test?.top5])
  t.equal((await evaluate(whole, { split: 'train', checkpoint: 10 })).images, 160)
})

t.test('a signal and a failing callback end a run, which is saved', async (t) => {
  const aborted = await train({ ...TINY, out: join(cwd, 'aborted'), signal: AbortSignal.timeout(0) })
  t.equal(aborted.ended, 'stopped')
  const failing = join(cwd, 'failing')
  const error = new Error('mine')
  await t.rejects(
    train({
      ...TINY,
      out: failing,
      onEpoch: () => {
        throw error
      },
    }),
    error,
  )
  t.ok(existsSync(join(failing, 'checkpoints/step-00000010')))
  await t.rejects(evaluate(failing, { signal: AbortSignal.abort(error) }), error)
})

t.test("wrong options are told all at once, in the command line's words", async (t) => {
  const wrong: object = { ...TINY, network: 'resnet-33', batchSize: 3, learningRate: 'fast', out: join(cwd, 'wrong') }
  const error: unknown = await train(wrong).catch((fault: unknown) => fault)
  t.ok(error instanceof UserFault)
  t.match(String(error), /3 things are wrong with these options/)
  t.match(String(error), /for --network but received resnet-33\. Nearest: resnet-32 and resnet-38/)
  t.match(String(error), /received batchSize/)
  t.match(String(error), /for --lr but received fast/)
  t.notOk(existsSync(join(cwd, 'wrong')))
  await t.rejects(resume(join(cwd, 'nowhere')), /the folder of a run for the run but received .*nowhere/)
  const other: object = { batch: 32 }
  await t.rejects(resume(join(cwd, 'whole'), other), {
    message: /for resume but received batch/,
    remedy: /another run/,
  })
  await t.rejects(train({ ...TINY, data: join(cwd, 'none') }), /the images of cifar10 for .*none but it does not exist/)
})

t.test('progress goes where it is asked to go', async (t) => {
  const lines: string[] = []
  const log = { write: (text: string) => lines.push(text) }
  await train({ ...TINY, method: 'vanilla', branches: 1, steps: 2, logEvery: 1, out: join(cwd, 'logged'), log })
  t.match(lines.join(''), /step 1\/2 {2}loss/)
})
