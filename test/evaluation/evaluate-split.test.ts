import { join } from 'node:path'
import t from 'tap'
import { makeConfig } from '../../src/config/make-config.ts'
import { specifyStep } from '../../src/config/specification.ts'
import { captureEvaluation } from '../../src/engine/step/evaluation-program.ts'
import { readSafetensors } from '../../src/train/checkpoint/safetensors.ts'
import { loadWeights } from '../../src/train/checkpoint/state-tensors.ts'
import { evaluateSplit } from '../../src/train/evaluation/evaluate-split.ts'
import { evaluateState } from '../../src/train/run/evaluate-state.ts'
import { openSession, type PreparedRun, prepareRun } from '../../src/train/run/session.ts'
import { fixturePath } from '../fixtures-folder.ts'
import { executors } from '../support/executors.ts'
import { batchOf, readRunImages } from '../support/pytorch-runs.ts'
import { runProgram } from '../support/run-program.ts'
import { tensorsOf } from '../support/small-steps.ts'

const IMAGES = 40
const CLASSES = 10
const CLASSIFIERS = ['0', '1', '2', 'teacher']
const MOMENT = { step: 1, epoch: 0, lr: 0.1 }
t.setTimeout(60_000)

/** A run on the archive of 40 test images, with the weights that PyTorch trained. */
async function prepare(settings: Record<string, unknown>): Promise<PreparedRun> {
  const tiny = {
    network: 'resnet-8',
    dataset: 'cifar10',
    data: fixturePath('pytorch/tiny-cifar-10-binary.tar.gz'),
    out: join(t.testdirName, 'none'),
  }
  const prepared = await prepareRun(await makeConfig(null, { ...tiny, ...settings }))
  const model = prepared.step.layout.tensors.filter(({ role }) => role !== 'optimizer')
  const trained = await readSafetensors(fixturePath('pytorch/one-resnet8.final.safetensors'))
  loadWeights(model, trained, prepared.state, 'the fixture', '')
  return prepared
}

/** What a classifier's logits say of all images, computed plainly. */
function judge(logits: Float32Array, labels: Int32Array) {
  let [crossEntropy, top1, top5] = [0, 0, 0]
  for (const [image, label] of labels.entries()) {
    const row = logits.subarray(image * CLASSES, (image + 1) * CLASSES)
    const right = row[label] ?? Number.NaN
    const better = row.filter((logit) => logit > right).length
    top1 += better < 1 ? 1 : 0
    top5 += better < 5 ? 1 : 0
    crossEntropy += Math.log(row.reduce((sum, logit) => sum + Math.exp(logit - right), 0))
  }
  return { crossEntropy, top1, top5 }
}

const whole = await prepare({ batch: IMAGES })
const { labels, images } = batchOf((await readRunImages()).test, 0, IMAGES)
const specification = specifyStep(whole.config, whole.dataset.description, 1)
const program = captureEvaluation(specification, { logits: true })
const executor = executors.find((candidate) => candidate.name === 'cpu')?.executor
if (executor === undefined) throw new Error('Expected an executor')
const { layout } = whole.step
const { outputs } = runProgram(executor, program, { layout, state: tensorsOf(layout, whole.state), images, labels })
const wanted = new Map(
  CLASSIFIERS.map((name) => [name, judge(outputs.get(`logits.${name}`) ?? new Float32Array(), labels)]),
)

for (const [batch, devices] of [
  [16, 'cpu'],
  [16, 'cpu:2'],
  [7, 'cpu'],
  [IMAGES, 'cpu'],
  [64, 'cpu:2'],
] as const) {
  t.test(`batches of ${batch} on ${devices}: each of ${IMAGES} images once`, async (t) => {
    const prepared = await prepare({ batch, devices })
    const session = await openSession(prepared)
    t.teardown(() => session.close())
    const counts: number[] = []
    const result = await evaluateSplit({
      ...session,
      split: 'test',
      program: prepared.evaluation,
      ahead: 2,
      onProgress: (done) => counts.push(done),
    })
    t.equal(result.images, IMAGES)
    t.same(
      counts,
      Array.from({ length: Math.ceil(IMAGES / batch) }, (_, place) => Math.min(IMAGES, (place + 1) * batch)),
    )
    for (const [name, { crossEntropy, top1, top5 }] of wanted) {
      t.equal(result.sums.get(`top1.${name}`), top1)
      t.equal(result.sums.get(`top5.${name}`), top5)
      const sum = result.sums.get(`cross_entropy.${name}`) ?? Number.NaN
      t.ok(Math.abs(sum - crossEntropy) < 1e-5 * crossEntropy, `cross entropy of ${name}: ${sum}, not ${crossEntropy}`)
    }

    // Batches may end in another order than the images have.
    const pairs = (classes: readonly number[], of: readonly number[]) =>
      classes.map((label, image) => `${label} as ${of[image]}`).sort()
    for (const name of CLASSIFIERS) {
      const scores = outputs.get(`logits.${name}`) ?? new Float32Array()
      t.same(
        pairs(result.predictions.labels, result.predictions.predicted.get(name) ?? []),
        pairs([...labels], largestOf(scores)),
        `what ${name} takes each image for`,
      )
    }

    const line = await evaluateState(prepared, session, 'test', MOMENT)
    const errors = (hits: 'top1' | 'top5') =>
      CLASSIFIERS.map((name) => percent(IMAGES - (wanted.get(name)?.[hits] ?? 0)))
    t.same([...line.top1_error.branches, line.top1_error.teacher], errors('top1'))
    t.same([...line.top5_error.branches, line.top5_error.teacher], errors('top5'))
  })
}

t.test('images that cannot be decoded end an evaluation with the reason', async (t) => {
  const prepared = await prepare({ batch: 16 })
  const { dataset } = prepared
  // A split that says it has more images than its memory holds.
  const broken = { ...prepared, dataset: { ...dataset, test: { ...dataset.test, count: IMAGES + 1 } } }
  const session = await openSession(broken)
  await t.rejects(evaluateState(broken, session, 'test', MOMENT), /Decoding failed: Expected \d+ bytes for 41 images/)
  await session.close()
})

/** Class of the largest logit of each image. */
function largestOf(logits: Float32Array): number[] {
  return Array.from({ length: logits.length / CLASSES }, (_, image) => {
    const row = [...logits.subarray(image * CLASSES, (image + 1) * CLASSES)]
    return row.indexOf(Math.max(...row))
  })
}

function percent(errors: number): number {
  return (100 * errors) / IMAGES
}
