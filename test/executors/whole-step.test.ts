import t from 'tap'
import { cpuExecutor } from '../../src/engine/executors/cpu/cpu-executor.ts'
import { fuseNodes } from '../../src/engine/executors/cpu/fuse.ts'
import { rematerialiseJoins } from '../../src/engine/executors/cpu/rematerialise.ts'
import { tfjsExecutor } from '../../src/engine/executors/tfjs/tfjs-executor.ts'
import { clIlr } from '../../src/engine/methods/cl-ilr.ts'
import { dkd } from '../../src/engine/methods/dkd.ts'
import { dml } from '../../src/engine/methods/dml.ts'
import { ensemble } from '../../src/engine/methods/ensemble.ts'
import { kd } from '../../src/engine/methods/kd.ts'
import { kdcl } from '../../src/engine/methods/kdcl.ts'
import { okddip } from '../../src/engine/methods/okddip.ts'
import { one } from '../../src/engine/methods/one.ts'
import { snapshotEnsemble } from '../../src/engine/methods/snapshot.ts'
import { findNetwork } from '../../src/engine/networks/find-network.ts'
import { adamw } from '../../src/engine/optimizers/adamw.ts'
import { lamb } from '../../src/engine/optimizers/lamb.ts'
import { lars } from '../../src/engine/optimizers/lars.ts'
import { captureEvaluation } from '../../src/engine/step/evaluation-program.ts'
import { captureTrainingStep } from '../../src/engine/step/training-program.ts'
import { STEP_SCALARS, STEP_TOLERANCES, tooFar, VANISHING } from '../support/compare-steps.ts'
import { distanceOfScale } from '../support/compare-tensors.ts'
import { withRelu6, withWideNorms } from '../support/relu6-program.ts'
import { runProgram } from '../support/run-program.ts'
import { drawnState, smallBatch, smallOne, tensorsOf } from '../support/small-steps.ts'

/** Whole steps of every method on oneDNN against TensorFlow.js in JavaScript: losses, every gradient, the state afterwards. */
t.setTimeout(580_000)
const tfjs = await tfjsExecutor('cpu')
const onednn = cpuExecutor()
const direct = cpuExecutor({ ownConvolutions: false })

const [resnet8, resnet14] = [findNetwork('resnet-8', 'basic'), findNetwork('resnet-14', 'bottleneck')]
const ONE = { branches: 3, temperature: 3 } as const

const ADAM = { betas: [0.9, 0.99], epsilon: 1e-3, weightDecay: 0.1 } as const
const LARS = { momentum: 0.9, weightDecay: 0.1, trustCoefficient: 0.5 }

const CASES = [
  { name: 'basic blocks', small: { batch: 5 } },
  { name: 'bottlenecks, two branches', small: { batch: 4, block: 'bottleneck', branches: 2 } },
  { name: 'even images', small: { batch: 6, size: [8, 8] } },
  { name: 'bf16', small: { batch: 5, dtype: 'bf16' } },
  { name: 'a ResNeXt of narrow groups', small: { batch: 5, network: 'resnext-11-2x4d-widen1' } },
  { name: 'a ResNeXt of wide groups', small: { batch: 5, network: 'resnext-11-2x16d-widen1' } },
  { name: 'a ResNeXt of wide groups in bf16', small: { batch: 5, network: 'resnext-11-2x16d-widen1', dtype: 'bf16' } },
  { name: 'a DenseNet', small: { batch: 5, network: 'densenet-bc-16-12' } },
  { name: 'ONE without distillation', small: { batch: 5, method: one({ ...ONE, distill: 'off' }) } },
  { name: 'ONE without shared layers', small: { batch: 5, method: one({ ...ONE, share: 'none' }) } },
  { name: 'ONE without a gate', small: { batch: 5, method: one({ ...ONE, gate: 'average' }) } },
  {
    name: 'knowledge distillation',
    small: { batch: 5, method: kd({ teacher: resnet14, alpha: 0.7, temperature: 3 }) },
  },
  {
    name: 'decoupled knowledge distillation',
    small: { batch: 5, method: dkd({ teacher: resnet14, dkdAlpha: 1, dkdBeta: 2, temperature: 4 }) },
  },
  { name: 'diverse peers', small: { batch: 5, method: okddip({ branches: 3, temperature: 3 }) } },
  { name: 'diverse networks', small: { batch: 5, method: okddip({ branches: 3, temperature: 3, share: 'none' }) } },
  { name: 'heads on shared layers', small: { batch: 5, method: clIlr({ branches: 3, alpha: 0.5, temperature: 2 }) } },
  {
    name: 'heads on shared layers in bf16',
    small: { batch: 5, dtype: 'bf16', method: clIlr({ branches: 2, alpha: 0.5, temperature: 2 }) },
  },
  {
    name: 'collaborative learning of several views',
    small: { batch: 5, method: kdcl([resnet8, resnet14], { temperature: 2, kdclTarget: 'naive' }) },
  },
  { name: 'mutual learning', small: { batch: 5, method: dml([resnet8, resnet14, resnet8]) } },
  { name: 'an ensemble', small: { batch: 5, method: ensemble([resnet8, resnet14]) } },
  { name: 'the ensemble of snapshots', small: { batch: 5, method: snapshotEnsemble(2) } },
  {
    name: 'knowledge distillation in bf16',
    small: { batch: 5, dtype: 'bf16', method: kd({ teacher: resnet8, alpha: 0.7, temperature: 3 }) },
  },
  { name: 'mixed images', small: { batch: 5, mixing: true } },
  { name: 'AdamW', small: { batch: 5, optimizer: adamw(ADAM) } },
  { name: 'LAMB', small: { batch: 5, optimizer: lamb(ADAM) } },
  { name: 'LARS', small: { batch: 5, optimizer: lars(LARS) } },
  { name: 'a DenseNet in bf16', small: { batch: 5, network: 'densenet-bc-10-12', dtype: 'bf16' } },
  { name: 'relu6', small: { batch: 5 }, relu6: true },
  { name: 'relu6 in bf16', small: { batch: 5, dtype: 'bf16' }, relu6: true },
  { name: 'a DenseNet with relu6', small: { batch: 5, network: 'densenet-bc-16-12' }, relu6: true },
] as const

for (const { name, small, ...changes } of CASES) {
  const specification = smallOne(small)
  const captured = captureTrainingStep(specification, { gradients: true })
  const capturedEvaluation = captureEvaluation(specification, { logits: true })
  const relu6 = 'relu6' in changes
  const step = relu6 ? { ...captured, program: withRelu6(captured.program) } : captured
  const evaluation = relu6 ? withRelu6(capturedEvaluation) : capturedEvaluation
  const tolerance = STEP_TOLERANCES[specification.dtype]
  // Winograd's sums are up to some 1e-6 away from those of others: in bf16 enough to round many values to the other side.
  const variants = specification.dtype === 'bf16' ? [direct] : [direct, onednn]
  const drawn = tensorsOf(step.layout, drawnState(step))
  const state = relu6 ? withWideNorms(drawn, 5) : drawn
  const inputs = { ...smallBatch(specification), layout: step.layout, state }

  t.test(`training step, ${name}`, (t) => {
    const scalars = step.program.scalars.map((scalar) => STEP_SCALARS[scalar.name] ?? Number.NaN)
    const wanted = runProgram(tfjs, step.program, { ...inputs, scalars })
    for (const executor of variants) {
      for (const cores of [[0], [0, 1], [0, 1, 0]]) {
        const actual = runProgram(executor, step.program, { ...inputs, scalars, cores })
        t.same(tooFar(actual, wanted, tolerance), [], `${cores.length} threads`)
      }
    }
    t.end()
  })

  t.test(`evaluation, ${name}`, (t) => {
    const labels = inputs.labels.slice(0, specification.batch).map((label, row) => (row === 1 ? -1 : label))
    // Running averages do not keep layers apart: large scales would enlarge rounding from one to the next.
    const given = { ...inputs, state: relu6 ? withWideNorms(drawn, 2) : drawn, labels }
    const wanted = runProgram(tfjs, evaluation, given)
    for (const executor of variants) {
      for (const cores of [[0], [0, 1]]) {
        const actual = runProgram(executor, evaluation, { ...given, cores })
        t.same(tooFar(actual, wanted, tolerance), [], `${cores.length} threads`)
      }
    }
    t.end()
  })
}

const LEAN_CASES = [
  { name: 'basic blocks made again', small: { network: 'resnet-26', block: 'basic' } },
  { name: 'bottlenecks made again', small: { network: 'resnet-20', block: 'bottleneck' } },
  { name: 'bottlenecks made again, bf16', small: { network: 'resnet-20', block: 'bottleneck', dtype: 'bf16' } },
  { name: 'concatenations that grow', small: { network: 'densenet-bc-28-12' } },
  { name: 'concatenations that grow, bf16', small: { network: 'densenet-bc-28-12', dtype: 'bf16' } },
  { name: 'basic blocks with relu6 made again', small: { network: 'resnet-26', block: 'basic' }, relu6: true },
  {
    name: 'basic blocks with relu6 made again, bf16',
    small: { network: 'resnet-26', block: 'basic', dtype: 'bf16' },
    relu6: true,
  },
] as const

for (const { name, small, ...changes } of LEAN_CASES) {
  const specification = smallOne({ batch: 5, ...small })
  t.test(`saving memory leaves every number as it was: ${name}`, (t) => {
    const captured = captureTrainingStep(specification, { gradients: true })
    const relu6 = 'relu6' in changes
    const step = relu6 ? { ...captured, program: withRelu6(captured.program) } : captured
    const scalars = step.program.scalars.map((scalar) => STEP_SCALARS[scalar.name] ?? Number.NaN)
    const drawn = tensorsOf(step.layout, drawnState(step))
    const state = relu6 ? withWideNorms(drawn, 5) : drawn
    const inputs = { ...smallBatch(specification), layout: step.layout, state }
    const fused = fuseNodes(rematerialiseJoins(step.program), () => true)
    const through = [...fused.prologues.values()].filter(({ residual }) => residual !== null)
    t.ok(
      through.length + fused.parts.size > 2,
      `${through.length} blocks' outputs, ${fused.parts.size} parts of tensors`,
    )
    const again = fuseNodes(rematerialiseJoins(step.program)).program.nodes.filter(
      ({ op }) => op === 'BatchNormInference',
    )
    t.equal(again.length > 0, through.length > 0, 'made again where other kernels read them')
    for (const ownConvolutions of [true, false]) {
      const [lean, kept] = [true, false].map((spared) =>
        runProgram(cpuExecutor({ lean: spared, ownConvolutions }), step.program, { ...inputs, scalars, cores: [0, 1] }),
      )
      t.same(lean === undefined || kept === undefined ? ['no runs'] : tooFar(lean, kept, 0), [])
    }
    t.end()
  })
}

t.test('in bf16 the algorithm of Winograd is no further from f32 than direct sums', (t) => {
  const [half, single] = (['bf16', 'f32'] as const).map((dtype) => {
    const specification = smallOne({ batch: 8, size: [16, 16], dtype })
    const step = captureTrainingStep(specification, { gradients: true })
    const state = tensorsOf(step.layout, drawnState(step))
    const inputs = { ...smallBatch(specification), layout: step.layout, state, scalars: [0.1, 0.6] }
    return (executor: typeof onednn) => runProgram(executor, step.program, inputs).outputs
  })
  if (half === undefined || single === undefined) throw new Error('Expected two precisions')
  const exact = single(direct)
  const names = [...exact.keys()].filter((name) => name.startsWith('gradient.') && !VANISHING.test(name))
  const meanDistance = (outputs: ReadonlyMap<string, Float32Array>) =>
    names.reduce((sum, name) => sum + distanceOfScale(outputs.get(name) ?? [], exact.get(name) ?? []), 0) / names.length
  const [winograd, plain] = [meanDistance(half(onednn)), meanDistance(half(direct))]
  t.ok(winograd < 1.3 * plain, `gradients are on average ${winograd} of their scale away, with direct sums ${plain}`)
  t.end()
})
