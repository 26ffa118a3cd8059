import t from 'tap'
import type { CompiledProgram, Executor } from '../../src/engine/executors/executor.ts'
import type { Program } from '../../src/engine/graph/program.ts'
import { type StateLayout, viewState } from '../../src/engine/graph/state-layout.ts'
import { captureEvaluation } from '../../src/engine/step/evaluation-program.ts'
import { captureTrainingStep } from '../../src/engine/step/training-program.ts'
import { readSafetensors } from '../../src/train/checkpoint/safetensors.ts'
import { loadWeights } from '../../src/train/checkpoint/state-tensors.ts'
import { fixturePath } from '../fixtures-folder.ts'
import { distanceOfScale } from '../support/compare-tensors.ts'
import { executors } from '../support/executors.ts'
import {
  batchOf,
  PYTORCH_RUNS,
  type PyTorchRun,
  readPyTorchRun,
  readRunImages,
  specificationOf,
} from '../support/pytorch-runs.ts'
import { outputElements, splitOutputs } from '../support/run-program.ts'

/**
 * Ten steps of SGD and the evaluation after them, against the same in PyTorch: ResNets of basic and bottleneck blocks, a
 * ResNeXt and DenseNets, with every method. JavaScript takes some seconds a step, so it makes only these.
 */
const STEPS_IN_JAVASCRIPT: Readonly<Record<string, number>> = { 'one-resnet8': 2, 'vanilla-resnet8': 1 }
const LOSS_TOLERANCE = 1e-4
/**
 * For parts of the loss, of the whole: the divergence is a small difference of large terms, and PyTorch's own fp32 is up
 * to 1e-4 of it away from its fp64.
 */
const PART_TOLERANCE = 1e-6
const WEIGHT_TOLERANCE = 1e-3
t.setTimeout(580_000)
const { train, test } = await readRunImages()

for (const name of PYTORCH_RUNS) {
  const run = await readPyTorchRun(name)
  const { batch } = run.config
  const { views } = specificationOf(run).method
  for (const { name: executorName, executor } of executors) {
    const steps = executor.name === 'tfjs' ? run.steps.slice(0, STEPS_IN_JAVASCRIPT[name] ?? 0) : run.steps
    if (steps.length === 0) continue

    t.test(`${name} trained on ${executorName}`, async (t) => {
      const { program, layout } = captureTrainingStep(specificationOf(run))
      const { state, compiled } = compile(executor, program, layout)
      await loadRun(`${name}.init`, layout, state)
      const outputs = new Float32Array(outputElements(program))
      const batches = Math.floor(train.count / batch)
      steps.forEach((wanted, step) => {
        const { learningRate, distillationWeight } = run.config
        const values = {
          learning_rate: learningRate,
          distillation_weight: distillationWeight,
          linear_ramp_up: distillationWeight,
        }
        const scalars = new Map(Object.entries(values))
        const inputs = Float32Array.from(program.scalars, (scalar) => scalars.get(scalar.name) ?? Number.NaN)
        compiled.run({ ...batchOf(train, (step % batches) * batch, batch, views), scalars: inputs }, outputs)
        const losses = splitOutputs(program, outputs)
        for (const [part, value] of Object.entries(lossesOf(wanted, run.config.distillationWeight))) {
          const actual = losses.get(part)?.[0] ?? Number.NaN
          const allowed = LOSS_TOLERANCE * value + (part === 'loss' ? 0 : PART_TOLERANCE * wanted.total)
          t.ok(Math.abs(actual - value) <= allowed, `step ${step} ${part}: ${actual}, not ${value} +- ${allowed}`)
        }
      })
      compiled.dispose()
      if (steps.length === run.steps.length) {
        for (const { name: tensor, data } of await readSafetensors(fixturePath(`pytorch/${name}.final.safetensors`))) {
          const place = layout.tensors.find((candidate) => candidate.name === tensor)
          const apart = place === undefined ? Number.NaN : distanceOfScale(viewState(place, state), data)
          t.ok(apart <= WEIGHT_TOLERANCE, `${tensor} is ${apart} of its scale away`)
        }
      }
    })

    t.test(`${name} evaluated on ${executorName}`, async (t) => {
      const { layout } = captureTrainingStep(specificationOf(run))
      const program = captureEvaluation(specificationOf(run), { logits: true })
      const { state, compiled } = compile(executor, program, layout)
      await loadRun(`${name}.final`, layout, state)
      const outputs = new Float32Array(outputElements(program))
      const hits = new Map<string, number>()
      for (let first = 0; first < test.count; first += batch) {
        compiled.run({ ...batchOf(test, first, batch, views), scalars: new Float32Array() }, outputs)
        const values = splitOutputs(program, outputs)
        for (const [output, value] of values) hits.set(output, (hits.get(output) ?? 0) + (value[0] ?? 0))
        if (first > 0) continue
        for (const [classifier, logits] of Object.entries(logitsOf(run))) {
          const apart = distanceOfScale(values.get(`logits.${classifier}`) ?? [], logits)
          t.ok(apart <= WEIGHT_TOLERANCE, `logits of ${classifier} are ${apart} of their scale away`)
        }
      }
      compiled.dispose()
      for (const [output, errors] of Object.entries(errorsOf(run))) {
        t.equal(test.count - (hits.get(output) ?? 0), errors, `errors behind ${output}`)
      }
    })
  }
}

/** Weights, running averages and, where there is one, the frozen teacher. */
async function loadRun(name: string, layout: StateLayout, state: SharedArrayBuffer): Promise<void> {
  const path = fixturePath(`pytorch/${name}.safetensors`)
  const model = layout.tensors.filter(({ role }) => role !== 'optimizer')
  loadWeights(model, await readSafetensors(path), state, path, '')
}

function compile(
  executor: Executor,
  program: Program,
  layout: StateLayout,
): { state: SharedArrayBuffer; compiled: CompiledProgram } {
  const state = new SharedArrayBuffer(layout.elements * 4)
  const exchange = new SharedArrayBuffer(executor.exchangeBytes([program], layout, 1))
  const place = { replica: 0, replicas: 1, cores: [0, 1] }
  return { state, compiled: executor.compile(program, layout, { state, exchange }, place) }
}

/** By our names. PyTorch's distillation is the term before the ramp-up's weight, ours is what the objective adds. */
function lossesOf(step: PyTorchRun['steps'][number], distillationWeight: number): Record<string, number> {
  const teacher = step.teacherCrossEntropy
  return {
    loss: step.total,
    ...Object.fromEntries(step.crossEntropy.map((value, branch) => [`cross_entropy.${branch}`, value])),
    ...(teacher === null ? {} : { 'cross_entropy.teacher': teacher }),
    ...(step.distillation === null ? {} : { distillation: distillationWeight * step.distillation }),
  }
}

function logitsOf({ evaluation }: PyTorchRun): Record<string, number[]> {
  const branches = evaluation.logits.map((rows, branch): [string, number[]] => [`${branch}`, rows.flat()])
  const teacher = evaluation.teacherLogits
  return { ...Object.fromEntries(branches), ...(teacher === null ? {} : { teacher: teacher.flat() }) }
}

function errorsOf({ evaluation }: PyTorchRun): Record<string, number> {
  const { top1Errors, top5Errors, teacherTop1Errors, teacherTop5Errors } = evaluation
  return {
    ...Object.fromEntries(top1Errors.map((errors, branch) => [`top1.${branch}`, errors])),
    ...Object.fromEntries(top5Errors.map((errors, branch) => [`top5.${branch}`, errors])),
    ...(teacherTop1Errors === null ? {} : { 'top1.teacher': teacherTop1Errors }),
    ...(teacherTop5Errors === null ? {} : { 'top5.teacher': teacherTop5Errors }),
  }
}
