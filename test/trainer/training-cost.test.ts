import { mkdir, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { makeConfig } from '../../src/config/make-config.ts'
import { RECIPES } from '../../src/config/recipes.ts'
import { describeForSummary } from '../../src/data/datasets/describe-dataset.ts'
import { runFiles } from '../../src/report/run-files.ts'
import { estimateTime, measuredRuns } from '../../src/studies/measured-speed.ts'
import { summarise } from '../../src/studies/summary.ts'
import { deploymentCost, trainingCost } from '../../src/studies/training-cost.ts'
import { describeMachine } from '../../src/train/run/machine.ts'
import { epochLine } from '../report/made-up-run.ts'

const costOf = async (recipe: string, given = {}) => trainingCost(await makeConfig(recipe, { out: 'o', ...given }))
const near = (value: number, wanted: number, tolerance: number) => Math.abs(value - wanted) <= tolerance * wanted

t.test('training costs what the paper prints, where it prints it', async (t) => {
  for (const [name, { row, settings }] of Object.entries(RECIPES)) {
    const printed = row?.paper?.trainFlops ?? null
    if (printed === null) continue
    const { trainFlops } = await costOf(name)
    // The paper's vanilla ResNet-110 has 5.05 where its layers give 4.95; KD's teacher is one.
    t.ok(
      near(trainFlops, printed, trainFlops < 4e8 || settings.method === 'one' ? 0.005 : 0.021),
      `${name} ${trainFlops}`,
    )
  }
})

t.test('the whole training: passes, images, epochs, and the teacher', async (t) => {
  const { trainFlops, stepFlops, totalFlops } = await costOf('table1/resnet-32-one-cifar100')
  t.equal(stepFlops, 3 * trainFlops)
  t.equal(totalFlops, stepFlops * 50_000 * 300)
  t.equal((await costOf('table1/resnet-32-one-cifar100', { scale: 0.1 })).totalFlops, totalFlops / 10)
  t.equal((await costOf('table1/resnet-32-one-cifar100', { steps: 10 })).totalFlops, stepFlops * 10 * 128)
  t.equal((await costOf('fashion-10-percent/one')).totalFlops, (await costOf('fashion/one')).stepFlops * 6000 * 30)

  const [student, teacher] = [await costOf('table6/resnet-32-branches-1'), await costOf('figure3/resnet-110-vanilla')]
  const guided = await costOf('table3/resnet-32-kd')
  t.equal(guided.trainFlops, student.trainFlops + teacher.trainFlops)
  t.equal(guided.totalFlops, student.totalFlops + teacher.totalFlops * (1 + 1 / 3), 'trained first, then run forward')
})

t.test('summary counts the same', async (t) => {
  for (const recipe of [
    'table3/resnet-32-kd',
    'table3/resnet-32-dml',
    'table4/resnet-32-one-e',
    'table4/resnet-32-snapshot',
  ]) {
    const config = await makeConfig(recipe, { out: 'o', batch: 2 })
    const { trained, deployed, ensemble } = summarise(config, await describeForSummary(config))
    t.match(await deploymentCost(config, 'branches'), {
      trainFlops: trained.flops,
      testFlops: deployed.flops,
      parameters: deployed.parameters,
    })
    if (ensemble !== null)
      t.match(await deploymentCost(config, 'teacher'), { testFlops: ensemble.flops, parameters: ensemble.parameters })
  }
})

t.test('the time is foretold from runs of this machine', async (t) => {
  const folder = t.testdir()
  const leaveRun = async (name: string, recipe: string, speed: number, cpu: string, age: number) => {
    const out = join(folder, name)
    await mkdir(out, { recursive: true })
    const files = runFiles(out)
    await writeFile(files.config, JSON.stringify(await makeConfig(recipe, { out })))
    await writeFile(files.machine, JSON.stringify({ ...describeMachine({}, []), cpu }))
    await writeFile(files.metrics, `${JSON.stringify({ ...epochLine(0), images_per_second: speed })}\n`)
    const time = new Date(Date.now() - age * 1000)
    await utimes(files.metrics, time, time)
  }
  const { cpu } = describeMachine({}, [])
  await leaveRun('set/one', 'table1/resnet-32-one-cifar100', 500, cpu, 20)
  await leaveRun('plain', 'table1/resnet-32-cifar10', 1000, cpu, 10)
  await leaveRun('newest', 'table1/resnet-32-one-cifar100', 9000, `not ${cpu}`, 0)
  await mkdir(join(folder, 'empty'))
  await mkdir(join(folder, 'damaged'))
  await writeFile(join(folder, 'damaged', 'config.json'), '{')
  const runs = await measuredRuns(folder)
  t.same(
    runs.map((run) => run.folder),
    [join(folder, 'plain'), join(folder, 'set', 'one')],
  )
  const one = await makeConfig('table3/resnet-32-one', { out: 'o' })
  t.same(await estimateTime(one, runs), { seconds: (50_000 * 300) / 500, from: join(folder, 'set', 'one'), same: true })
  const deeper = await estimateTime(await makeConfig('table3/resnet-110-one', { out: 'o' }), runs)
  const ratio =
    (await costOf('table3/resnet-110-one')).stepFlops / (await costOf('table6/resnet-32-branches-1')).stepFlops
  t.match(deeper, { from: join(folder, 'plain'), same: false })
  t.ok(near(deeper?.seconds ?? 0, ((50_000 * 300) / 1000) * ratio, 1e-3))
  t.equal(await estimateTime(one, []), null)
  t.same(await measuredRuns(join(folder, 'none')), [])
})
