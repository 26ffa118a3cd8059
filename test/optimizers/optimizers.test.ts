/** Ten updates of each optimizer on each executor: PyTorch's numbers, and those of LAMB and LARS written out. */
import t, { type Test } from 'tap'
import { cpuExecutor } from '../../src/engine/executors/cpu/cpu-executor.ts'
import { adamw } from '../../src/engine/optimizers/adamw.ts'
import { lamb } from '../../src/engine/optimizers/lamb.ts'
import { lars } from '../../src/engine/optimizers/lars.ts'
import type { Optimizer } from '../../src/engine/optimizers/optimizer.ts'
import { sgd } from '../../src/engine/optimizers/sgd.ts'
import { withWeightAverage } from '../../src/engine/optimizers/weight-average.ts'
import { differences } from '../support/compare-tensors.ts'
import { executors } from '../support/executors.ts'
import { type OptimizerRun, runUpdates, type Shapes, sizeOf, type Tensors } from '../support/optimizer-steps.ts'
import { type PyTorchCase, readPyTorchCases } from '../support/pytorch-fixtures.ts'
import { normals } from '../support/random-tensors.ts'
import { withoutXla, xlaOnCpu } from '../support/xla.ts'
import { type Layer, lambStep, larsStep } from './written-out.ts'

t.setTimeout(300_000)

const TOLERANCE = { relative: 1e-5, scale: 1e-5 }
const UPDATES = 10
const pytorch = await readPyTorchCases('optimizers')

/** On every executor, and on oneDNN with several threads to the same bits. */
function everywhere(name: string, run: OptimizerRun, check: (t: Test, states: ReturnType<typeof runUpdates>) => void) {
  for (const { name: executorName, executor } of executors) {
    t.test(`${name} on ${executorName}`, (t) => {
      check(t, runUpdates(executor, run))
      t.end()
    })
  }
  t.test(`${name} on xla`, { skip: withoutXla }, (t) => {
    check(t, runUpdates(xlaOnCpu(), run))
    t.end()
  })
  t.test(`${name}: any number of threads has the same bits`, (t) => {
    const alone = runUpdates(cpuExecutor(), run)
    for (const cores of [
      [0, 1],
      [0, 1, 0],
    ]) {
      t.same(runUpdates(cpuExecutor(), run, cores), alone, `${cores.length} threads`)
    }
    t.end()
  })
}

const adamSettings = (given: PyTorchCase) => ({
  betas: [given.setting('beta1'), given.setting('beta2')] as const,
  epsilon: given.setting('epsilon'),
  weightDecay: given.setting('weightDecay'),
})
const FROM_PYTORCH: Readonly<Record<string, (given: PyTorchCase) => Optimizer>> = {
  sgd: (given) => sgd({ momentum: given.setting('momentum'), weightDecay: given.setting('weightDecay') }),
  adamw: (given) => adamw(adamSettings(given)),
  sgd_clipped: (given) => sgd({ momentum: given.setting('momentum'), weightDecay: given.setting('weightDecay') }),
  sgd_ema: (given) =>
    withWeightAverage(
      sgd({ momentum: given.setting('momentum'), weightDecay: given.setting('weightDecay') }),
      given.setting('ema'),
    ),
  adamw_ema: (given) => withWeightAverage(adamw(adamSettings(given)), given.setting('ema')),
  adamw_other: (given) => adamw(adamSettings(given)),
}

for (const [name, optimizerOf] of Object.entries(FROM_PYTORCH)) {
  const given = pytorch(name)
  const roles = ['matrix', 'vector']
  const averaged = name.endsWith('_ema')
  const row = (role: string, update: number) => {
    const { data } = given.tensor(role)
    const size = data.length / UPDATES
    return data.slice(update * size, (update + 1) * size)
  }
  const at = (suffix: string, update: number) => new Map(roles.map((role) => [role, row(`${role}_${suffix}`, update)]))
  const updates = Array.from({ length: UPDATES }, (_, update) => update)
  const run = {
    optimizer: optimizerOf(given),
    ...(name.endsWith('_clipped') && { clipNorm: given.setting('clipNorm') }),
    shapes: Object.fromEntries(roles.map((role) => [role, given.tensor(role).shape])),
    start: new Map(
      roles.flatMap((role) => {
        const { data } = given.tensor(role)
        return averaged ? [[role, data] as const, [`ema.${role}`, data] as const] : [[role, data] as const]
      }),
    ),
    gradients: updates.map((update) => at('gradients', update)),
    rates: updates.map((update) => given.setting(`rate${update}`)),
  }
  everywhere(`${name} as PyTorch`, run, (t, states) => {
    for (const update of updates) {
      t.same(differences(states[update] ?? new Map(), at('updated', update), TOLERANCE), [], `update ${update}`)
      if (!averaged) continue
      const averages = [...at('averaged', update)].map(([role, data]) => [`ema.${role}`, data] as const)
      t.same(differences(states[update] ?? new Map(), new Map(averages), TOLERANCE), [], `averages of update ${update}`)
    }
  })
}

/** Chunks of several threads, a layer that starts at zero, one without a gradient, and vectors. */
const SHAPES: Shapes = { large: [5, 2001], small: [5, 3], zero: [5, 4], still: [5, 2], vector: [37], other: [3] }

function drawnRun(optimizer: Optimizer, rate: number): OptimizerRun {
  const drawn = (scale: number, stream: number) => (name: string, place: number) =>
    normals(sizeOf(SHAPES, name), 5, 100 * stream + place).map((value) => scale * value)
  const tensors = (draw: (name: string, place: number) => Float32Array, none: string) =>
    new Map(
      Object.keys(SHAPES).map((name, place) => [
        name,
        name === none ? new Float32Array(sizeOf(SHAPES, name)) : draw(name, place),
      ]),
    )
  const updates = Array.from({ length: UPDATES }, (_, update) => update)
  return {
    optimizer,
    shapes: SHAPES,
    start: tensors(drawn(0.3, 0), 'zero'),
    gradients: updates.map((update) => tensors(drawn(0.1, 1 + update), 'still')),
    rates: updates.map((update) => rate / (1 + update)),
  }
}

/** Weights and the first state after each update, by the papers. */
function writtenOut(
  { start, gradients, rates }: OptimizerRun,
  step: (layer: Layer, gradient: readonly number[], rate: number, t: number) => void,
): Map<string, number[]>[] {
  const layers = [...start].map(([name, weights]) => {
    const zeros = () => Array.from(weights, () => 0)
    const adapted = (SHAPES[name]?.length ?? 0) > 1
    return { name, layer: { weights: [...weights], first: zeros(), second: zeros(), adapted } }
  })
  return gradients.map((given, index) => {
    for (const { name, layer } of layers)
      step(layer, [...(given.get(name) ?? [])], rates[index] ?? Number.NaN, index + 1)
    return new Map(layers.map(({ name, layer }) => [name, [...layer.weights]]))
  })
}

function clipped(gradients: Tensors): Tensors {
  const squares = [...gradients.values()].flatMap((gradient) => Array.from(gradient, (value) => value * value))
  const factor = Math.min(1, CLIP_NORM / (Math.sqrt(squares.reduce((sum, square) => sum + square)) + 1e-6))
  return new Map([...gradients].map(([name, gradient]) => [name, gradient.map((value) => factor * value)]))
}

const adam = { beta1: 0.9, beta2: 0.99, epsilon: 1e-6, weightDecay: 0.02 }
const { beta1, beta2, epsilon, weightDecay } = adam
const lambRun = drawnRun(lamb({ betas: [beta1, beta2], epsilon, weightDecay }), 0.05)
const lambWanted = writtenOut(lambRun, (layer, gradient, rate, at) =>
  lambStep(layer, gradient, { rate, t: at, ...adam }),
)
const CLIP_NORM = 2
const clippedRun = { ...lambRun, clipNorm: CLIP_NORM }
const clippedWanted = writtenOut(
  { ...lambRun, gradients: lambRun.gradients.map(clipped) },
  (layer, gradient, rate, at) => lambStep(layer, gradient, { rate, t: at, ...adam }),
)
const larsSettings = { momentum: 0.9, weightDecay: 1e-3, trustCoefficient: 0.02 }
const larsRun = drawnRun(lars(larsSettings), 1)
const larsWanted = writtenOut(larsRun, (layer, gradient, rate) => larsStep(layer, gradient, { rate, ...larsSettings }))

for (const [name, run, wanted] of [
  ['lamb', lambRun, lambWanted],
  ['lars', larsRun, larsWanted],
  ['lamb with clipped gradients', clippedRun, clippedWanted],
] as const) {
  everywhere(`${name} as its paper`, run, (t, states) => {
    wanted.forEach((weights, update) => {
      t.same(differences(states[update] ?? new Map(), weights, TOLERANCE), [], `update ${update}`)
    })
  })
}
