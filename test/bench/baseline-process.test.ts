import { fileURLToPath } from 'node:url'
import t from 'tap'
import { findBaselines } from '../../bench/baselines/baseline-catalogue.ts'
import { BaselineProcess } from '../../bench/baselines/baseline-process.ts'

const TASK = { network: 'resnet-8', side: 32, branches: 2, classes: 5, batch: 4, threads: 1, device: 'cpu' } as const

t.test('our own baseline measures, profiles and refuses', async (t) => {
  const own = findBaselines('python3').find(({ name }) => name === 'own')
  if (own === undefined) throw new Error('Expected our own baseline in the catalogue')
  const baseline = new BaselineProcess(own.command(TASK))
  t.teardown(() => baseline.stop())
  const { modes, versions } = await baseline.modes()
  t.ok(modes.includes('fp32') && modes.includes('fp32-2-replicas'))
  t.match(versions, { node: process.versions.node })

  const first = await baseline.measure('fp32', 3)
  t.equal(first.ms.length, 3)
  t.ok(first.ms.every((ms) => ms > 0))
  const later = await baseline.measure('fp32', 5)
  t.ok(later.loss < first.loss, 'the steps train on their one batch')

  const { byOp = {} } = await baseline.profile('fp32', 1)
  t.ok((byOp['Conv2D'] ?? 0) > 0 && (byOp['Conv2DBackpropFilter'] ?? 0) > 0)
  t.equal((await baseline.measure('fp32-2-replicas', 2)).ms.length, 2)
  const direct = await baseline.measure('fp32-direct', 3)
  t.ok(Math.abs(direct.loss / first.loss - 1) < 1e-2, 'the direct convolutions train alike')
  const { byOp: evaluated = {} } = await baseline.profile('fp32-evaluation', 1)
  t.ok((evaluated['Conv2D'] ?? 0) > 0)
  t.notOk(
    Object.keys(evaluated).some((op) => op.includes('Backprop')),
    'an evaluation has no gradients',
  )
  await t.rejects(baseline.measure('fp8', 1), { message: /^Expected one of fp32, .* for the mode but received fp8$/ })
})

for (const [name, mode] of [
  ['xla', 'fp32'],
  ['jax', 'fp32-jit'],
] as const) {
  const found = findBaselines('python3').find((one) => one.name === name)
  t.test(`the baseline ${name} trains on its one batch`, { skip: found?.absence ?? false }, async (t) => {
    const baseline = new BaselineProcess(found?.command(TASK) ?? [])
    t.teardown(() => baseline.stop())
    t.ok((await baseline.modes()).modes.includes(mode))
    const first = await baseline.measure(mode, 2)
    t.equal(first.ms.length, 2)
    t.ok((await baseline.measure(mode, 3)).loss < first.loss)
  })
}

t.test('a baseline that ends is told with its last words', async (t) => {
  const baseline = new BaselineProcess([process.execPath, '-e', 'console.error("no library"); process.exit(3)'])
  await t.rejects(baseline.modes(), { message: 'the process ended (3): no library' })
  await baseline.stop()
})

t.test('a program that is not there is told', async (t) => {
  const baseline = new BaselineProcess([fileURLToPath(new URL('./no-such-program', import.meta.url))])
  await t.rejects(baseline.modes(), { message: /no-such-program ENOENT/ })
  await baseline.stop()
})

t.test('an absent PyTorch comes with the command that installs it', async (t) => {
  const torch = findBaselines('/no-such-python').find(({ name }) => name === 'torch')
  t.match(torch, { absence: /no-such-python/, remedy: '/no-such-python -m pip install torch==2.13.0' })
})
