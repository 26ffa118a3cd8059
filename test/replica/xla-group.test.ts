/** Replicas on devices of XLA's CPU plugin: one client, a thread a device, the all-reduce inside the program. */
import t from 'tap'
import type { ExecutorChoice } from '../../src/engine/executors/executor-choice.ts'
import { differences, distanceOfScale } from '../support/compare-tensors.ts'
import { tensorsOf } from '../support/small-steps.ts'
import { withoutXla } from '../support/xla.ts'
import { drawnRing, SCALARS, slot, smallRun, startGroup } from './small-group.ts'

const BATCH = 4
const STEPS = 5
const xla = (devices: number): ExecutorChoice => ({
  name: 'xla',
  devices: { platform: 'cpu', devices, plugin: null },
})
t.setTimeout(580_000)

/** Trains some steps and gives the state and the outputs of each step and replica. */
async function trainSome(choice: ExecutorChoice, replicas: number, steps: number) {
  const run = smallRun(BATCH, replicas)
  const group = await startGroup(choice, replicas, run, drawnRing(run.specification, BATCH, 1))
  try {
    // All at once: the devices are told of steps before they have done earlier ones.
    const outputs = await Promise.all(Array.from({ length: steps }, () => group.run('train', slot(0), [0.01, 0.5])))
    await group.pullState()
    const evaluated = await group.run('evaluate', slot(0), [])
    return { state: tensorsOf(run.step.layout, run.state), outputs, evaluated, group }
  } finally {
    await group.stop()
  }
}

t.test('two devices train as two replicas of oneDNN, and equally each time', { skip: withoutXla }, async (t) => {
  const [first, again] = [await trainSome(xla(2), 2, STEPS), await trainSome(xla(2), 2, STEPS)]
  t.same(first.outputs, again.outputs, 'every output of every step is the same number')
  t.same(first.evaluated, again.evaluated)
  t.same(differences(again.state, first.state, { relative: 0, scale: 0 }), [], 'and so is the state')
  const onednn = await trainSome({ name: 'cpu' }, 2, STEPS)
  for (const [name, elements] of onednn.state) {
    const apart = distanceOfScale(first.state.get(name) ?? [], elements)
    // Five steps move what rounding moved further apart. The gate's bias goes into a batch norm: its gradient is noise.
    if (!/gate\.fc\.bias$/.test(name)) t.ok(apart < 5e-3, `${name} is ${apart} of its scale away`)
  }
  const apart = distanceOfScale(first.outputs[0]?.flat() ?? [], onednn.outputs[0]?.flat() ?? [])
  t.ok(apart < 1e-4, `the first step's outputs are ${apart} of their scale away`)
})

t.test('outputs stay on the device until they are fetched', { skip: withoutXla }, async (t) => {
  const steps = 9
  const expected = await trainSome(xla(2), 2, steps)
  const run = smallRun(BATCH, 2)
  const group = await startGroup(xla(2), 2, run, drawnRing(run.specification, BATCH, 1))
  const runs = Array.from({ length: steps }, () => group.start('train', slot(0), [0.01, 0.5]))
  let fetched = 0
  for (const { outputs } of runs) {
    outputs.then(
      () => fetched++,
      () => undefined,
    )
  }
  await Promise.all(runs.map(({ read }) => read))
  await group.pullState()
  t.same(differences(tensorsOf(run.step.layout, run.state), expected.state, { relative: 0, scale: 0 }), [])
  t.equal(fetched, 0, 'all runs are done and none was asked for')
  group.fetch()
  const late = group.start('train', slot(0), [0.01, 0.5])
  t.same(await Promise.all(runs.map(({ outputs }) => outputs)), expected.outputs)
  group.fetch()
  t.equal((await late.outputs).length, 2)
  group.start('train', slot(0), [0.01, 0.5])
  await group.stop()
})

t.test('the next run begins with a state that was written', { skip: withoutXla }, async (t) => {
  const run = smallRun(BATCH, 1)
  const before = Buffer.from(new Uint8Array(run.state))
  const untouched = () => before.equals(new Uint8Array(run.state))
  const group = await startGroup(xla(1), 1, run, drawnRing(run.specification, BATCH, 1))
  t.teardown(() => group.stop())
  const first = await group.run('train', slot(0), SCALARS)
  const second = await group.run('train', slot(0), SCALARS)
  t.not(second[0]?.[0], first[0]?.[0])
  t.ok(untouched(), 'the state lives on the device')
  await group.pushState()
  t.same(await group.run('train', slot(0), SCALARS), first)
  await group.pullState()
  t.notOk(untouched())
})

t.test('a replica that dies ends the group with the reason', { skip: withoutXla }, async (t) => {
  const run = smallRun(BATCH, 2)
  const ring = drawnRing(run.specification, BATCH, 2)
  const group = await startGroup(xla(2), 2, run, ring)
  await group.run('train', slot(0), SCALARS)
  const runs = Array.from({ length: 50 }, () => group.run('train', slot(1), SCALARS))
  for (const pending of runs) pending.catch(() => undefined)
  await group.threads[1]?.terminate()
  await t.rejects(Promise.all(runs), /replica 1 to run on but it ended/)
  await t.rejects(group.run('train', slot(0), SCALARS), /replica 1 to run on but it ended/, 'it cannot run again')
  await group.stop()
})

t.test('an input that does not fit is refused before a device is told', { skip: withoutXla }, async (t) => {
  const run = smallRun(BATCH, 2)
  const group = await startGroup(xla(2), 2, run, drawnRing(run.specification, 2 * BATCH, 1))
  await t.rejects(group.run('train', slot(0), SCALARS), /Expected \d+ images but received \d+/)
  await group.stop()
})
