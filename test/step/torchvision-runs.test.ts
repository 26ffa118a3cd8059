import t from 'tap'
import { cpuExecutor } from '../../src/engine/executors/cpu/cpu-executor.ts'
import { findState, viewState } from '../../src/engine/graph/state-layout.ts'
import { captureEvaluation } from '../../src/engine/step/evaluation-program.ts'
import { captureTrainingStep } from '../../src/engine/step/training-program.ts'
import { distanceOfScale } from '../support/compare-tensors.ts'
import { outputElements, splitOutputs } from '../support/run-program.ts'
import {
  hashedBatch,
  hashedState,
  keptPlaces,
  readTorchvisionRuns,
  specificationOfTorchvision,
} from '../support/torchvision-runs.ts'

/**
 * torchvision's own networks at full size: every name and shape, the losses of two or ten steps, elements of every gradient,
 * and the logits after them. PyTorch's fp32 is up to 5e-4 of a gradient's scale away from its fp64 here, and so is our step with
 * oneDNN's convolutions. With our own, one input of a relu6 in features.10 of MobileNetV2 falls on the other side of its limit by
 * rounding: the gradients of the layers before it, and only those, are up to 2.4e-3 away. Which inputs do so depends on the processor.
 */
const LOSS_TOLERANCE = 1e-4
const GRADIENT_TOLERANCE = 2e-3
const RELU6_GRADIENT_TOLERANCE = 2e-2
const LOGIT_TOLERANCE = 1e-3
const CORES = [0, 1]
t.setTimeout(120_000)
const onednn = cpuExecutor()
const runs = await readTorchvisionRuns()

for (const [name, run] of runs) {
  t.test(name, (t) => {
    const specification = specificationOfTorchvision(run)
    const tolerance = name.includes('mobilenet') ? RELU6_GRADIENT_TOLERANCE : GRADIENT_TOLERANCE
    const { program, layout } = captureTrainingStep(specification, { gradients: true })
    const evaluation = captureEvaluation(specification, { logits: true })
    const trained = layout.tensors.filter(({ role }) => role !== 'optimizer')
    t.same(Object.fromEntries(trained.map((tensor) => [tensor.name, tensor.shape])), run.shapes, 'names and shapes')

    const state = new SharedArrayBuffer(layout.elements * 4)
    for (const [tensor, elements] of hashedState(run)) viewState(findState(layout, tensor), state).set(elements)
    const exchange = new SharedArrayBuffer(onednn.exchangeBytes([program, evaluation], layout, 1))
    const place = { replica: 0, replicas: 1, cores: CORES }
    const compiled = onednn.compile(program, layout, { state, exchange }, place)
    const outputs = new Float32Array(outputElements(program))
    const values: Readonly<Record<string, number>> = { learning_rate: run.learningRate, distillation_weight: 1 }
    const scalars = Float32Array.from(program.scalars, (scalar) => values[scalar.name] ?? Number.NaN)
    run.losses.forEach((wanted, step) => {
      compiled.run({ ...hashedBatch(run), scalars }, outputs)
      const results = splitOutputs(program, outputs)
      const loss = results.get('loss')?.[0] ?? Number.NaN
      t.ok(Math.abs(loss - wanted) <= LOSS_TOLERANCE * wanted, `loss of step ${step}: ${loss}, not ${wanted}`)
      if (step > 0) return
      Object.keys(run.shapes).forEach((tensor, stream) => {
        const theirs = run.gradients[tensor]
        if (theirs === undefined) return
        const gradient = results.get(`gradient.${tensor}`) ?? new Float32Array()
        const places = keptPlaces(theirs.elements.length, gradient.length, stream)
        const apart = places.map((at, i) => Math.abs((gradient[at] ?? Number.NaN) - (theirs.elements[i] ?? Number.NaN)))
        const worst = Math.max(...apart) / theirs.largest
        t.ok(worst <= tolerance, `gradient of ${tensor} is ${worst} of its scale away`)
      })
    })
    compiled.dispose()

    const evaluator = onednn.compile(evaluation, layout, { state, exchange }, place)
    const results = new Float32Array(outputElements(evaluation))
    evaluator.run({ ...hashedBatch(run), scalars: new Float32Array() }, results)
    evaluator.dispose()
    run.logits.forEach((wanted, branch) => {
      const logits = splitOutputs(evaluation, results).get(`logits.${branch}`) ?? []
      const apart = distanceOfScale(logits, wanted.flat())
      t.ok(apart <= LOGIT_TOLERANCE, `logits of branch ${branch} are ${apart} of their scale away`)
    })
    t.end()
  })
}
