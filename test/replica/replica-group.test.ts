/** Replicas in threads of their own: their all-reduce, and what becomes of a group of which one dies. */
import t from 'tap'
import { SLOT_STATES, setSlotState } from '../../src/data/input/slot-ring.ts'
import { findState, viewState } from '../../src/engine/graph/state-layout.ts'
import { differences, distanceOfScale } from '../support/compare-tensors.ts'
import { executors } from '../support/executors.ts'
import { runProgram, splitOutputs } from '../support/run-program.ts'
import { smallBatch, smallOne, tensorsOf } from '../support/small-steps.ts'
import { drawnRing, SCALARS, slot, smallRun, startGroup } from './small-group.ts'

const BATCH = 4
const CHOICES = [{ name: 'cpu' }, { name: 'tfjs', backend: 'cpu' }] as const
t.setTimeout(60_000)

for (const choice of CHOICES) {
  const executor = executors.find((candidate) => candidate.executor.name === choice.name)?.executor

  t.test(`${choice.name}: the gradient of two replicas is the mean of their halves' gradients`, async (t) => {
    if (executor === undefined) throw new Error('Expected an executor')
    const run = smallRun(BATCH, 2)
    const { step, state, specification } = run
    const { program, layout } = step
    t.same(
      program.scalars.map(({ name }) => name),
      ['learning_rate', 'distillation_weight'],
    )
    const before = tensorsOf(layout, state)
    const group = await startGroup(choice, 2, run, drawnRing(specification, BATCH, 1))
    t.teardown(() => group.stop())
    const ofReplicas = (await group.run('train', slot(0), SCALARS)).map((values) => {
      return splitOutputs(program, Float32Array.from(values))
    })

    const { images, labels } = smallBatch(smallOne({ batch: BATCH }))
    const halves = [0, 1].map((half) => {
      const rows = { images: halfOf(images, half), labels: halfOf(labels, half) }
      return runProgram(executor, program, { ...rows, scalars: SCALARS, layout, state: before })
    })
    t.equal(ofReplicas.length, 2)
    const gradients = [...(ofReplicas[0]?.keys() ?? [])].filter((name) => name.startsWith('gradient.'))
    t.equal(gradients.length, layout.tensors.filter(({ role }) => role === 'weight').length)
    for (const name of gradients) {
      const [first, second] = halves.map(({ outputs }) => outputs.get(name) ?? new Float32Array())
      const mean = first?.map((value, place) => (value + (second?.[place] ?? Number.NaN)) / 2) ?? []
      for (const outputs of ofReplicas) {
        const apart = distanceOfScale(outputs.get(name) ?? [], mean)
        t.ok(apart <= 1e-6, `${name} is ${apart} of its scale away`)
      }
    }
    for (const [replica, outputs] of ofReplicas.entries()) {
      t.same(outputs.get('loss'), halves[replica]?.outputs.get('loss'), 'each replica tells the loss of its own half')
    }
    for (const { name } of layout.tensors.filter(({ role }) => role === 'statistic')) {
      const [first, second] = halves.map((half) => half.state.get(name) ?? new Float32Array())
      const mean = first?.map((value, place) => (value + (second?.[place] ?? Number.NaN)) / 2) ?? []
      const apart = distanceOfScale(viewState(findState(layout, name), state), mean)
      t.ok(apart <= 1e-6, `${name} is ${apart} of its scale away from the mean of the running averages`)
    }
  })

  t.test(`${choice.name}: a replica that dies ends the group with the reason`, async (t) => {
    const run = smallRun(BATCH, 2)
    const ring = drawnRing(run.specification, BATCH, 2)
    const group = await startGroup(choice, 2, run, ring)
    await group.run('train', slot(0), SCALARS)
    // It dies in a step or before one, and the other one waits for it in the all-reduce.
    const runs = Array.from({ length: 50 }, () => group.run('train', slot(1), SCALARS))
    for (const pending of runs) pending.catch(() => undefined)
    await group.threads[1]?.terminate()
    await t.rejects(Promise.all(runs), /replica 1 to run on but it ended/)
    await t.rejects(group.run('train', slot(0), SCALARS), /replica 1 to run on but it ended/, 'it cannot run again')
    await group.stop()
  })

  t.test(`${choice.name}: an idle replica that dies is noticed`, async (t) => {
    const run = smallRun(BATCH, 2)
    const group = await startGroup(choice, 2, run, drawnRing(run.specification, BATCH, 1))
    await group.run('train', slot(0), SCALARS)
    await group.threads[0]?.terminate()
    await t.rejects(group.run('train', slot(0), SCALARS), /replica 0 to run on but it ended/)
    await group.stop()
  })
}

t.test('a slot that could not be filled fails the run in every replica', async (t) => {
  const run = smallRun(BATCH, 2)
  const ring = drawnRing(run.specification, BATCH, 2)
  const states = new Int32Array(ring.states)
  setSlotState(states, 1, SLOT_STATES.filling)
  const group = await startGroup({ name: 'cpu' }, 2, run, ring)
  const before = tensorsOf(run.step.layout, run.state)
  const pending = group.run('train', slot(1), SCALARS)
  setSlotState(states, 1, SLOT_STATES.failed)
  await t.rejects(pending, /slot 1 to be filled but decoding failed/)
  t.same(
    differences(tensorsOf(run.step.layout, run.state), before, { relative: 0, scale: 0 }),
    [],
    'no update was made',
  )
  await group.stop()
})

t.test('stop comes after the runs that were asked for', async (t) => {
  const run = smallRun(BATCH, 2)
  const group = await startGroup({ name: 'cpu' }, 2, run, drawnRing(run.specification, BATCH, 1))
  const runs = [1, 2, 3].map(() => group.run('train', slot(0), SCALARS))
  await group.stop()
  t.equal((await Promise.all(runs)).length, 3)
  await group.stop()
})

t.test('the clocks of a program count what ran since they were started', async (t) => {
  const run = smallRun(BATCH, 2)
  const group = await startGroup({ name: 'cpu' }, 2, run, drawnRing(run.specification, BATCH, 1))
  await group.run('train', slot(0), SCALARS)
  t.same((await group.profile('train', true)).times, [])
  await group.run('train', slot(0), SCALARS)
  const { times, planBytes } = await group.profile('train', false)
  t.ok(planBytes > 0)
  t.ok(times.every(({ milliseconds }) => milliseconds >= 0))
  const ops = new Set(times.filter(({ milliseconds }) => milliseconds > 0).map(({ op }) => op))
  for (const op of ['Conv2D', 'BatchNormGrad', 'PrepareWeights', 'Update']) t.ok(ops.has(op), op)
  await group.run('train', slot(0), SCALARS)
  const stopped = await group.profile('train', false)
  t.ok(
    stopped.times.every(({ milliseconds }) => milliseconds === 0),
    'clocks that were stopped stand at zero',
  )
  await group.stop()
})

t.test('an executor without clocks says so', async (t) => {
  const run = smallRun(BATCH, 1)
  const group = await startGroup({ name: 'tfjs', backend: 'cpu' }, 1, run, drawnRing(run.specification, BATCH, 1))
  await t.rejects(group.profile('train', true), /an executor that times its programs but received tfjs/)
  await group.stop()
})

/** The rows of one of two replicas. */
function halfOf<Rows extends Uint8Array | Int32Array>(rows: Rows, half: number): Rows {
  const length = rows.length / 2
  return rows.slice(half * length, (half + 1) * length) as Rows
}
