import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import t from 'tap'
import { DEFAULTS, methodDefaults } from '../../src/config/defaults.ts'
import type { RunConfig } from '../../src/config/run-config.ts'
import { defaultDataFolder } from '../../src/data/datasets/load-dataset.ts'
import { readMetrics } from '../../src/report/metrics.ts'
import { runFiles } from '../../src/report/run-files.ts'
import { describeMachine } from '../../src/train/run/machine.ts'
import { MetricsLog } from '../../src/train/run/metrics-log.ts'
import { checkRunFolder, createRunFolder, openRunFolder } from '../../src/train/run/run-folder.ts'
import { evalLine, madeUpRun, stepLine } from '../report/made-up-run.ts'

const machine = describeMachine({ onednn: '3.2.0' }, [])
const configFor = (out: string): RunConfig => ({
  ...DEFAULTS,
  ...methodDefaults('one', null),
  recipe: null,
  network: 'resnet-8',
  dataset: 'cifar10',
  epochs: 1,
  batch: 16,
  rampUp: 0,
  out,
  logEvery: 10,
})

t.test('a new folder, or an empty one, becomes a run', async (t) => {
  const folder = t.testdir({ empty: {} })
  for (const out of [join(folder, 'a', 'b'), join(folder, 'empty')]) {
    const files = await createRunFolder(configFor(out), machine)
    const data = resolve(defaultDataFolder('cifar10'))
    t.same(JSON.parse(await readFile(files.config, 'utf8')), { ...configFor(out), data }, 'its paths are absolute')
    t.match(JSON.parse(await readFile(files.machine, 'utf8')), {
      node: process.versions.node,
      libraries: { onednn: '3.2.0' },
    })
    t.same(await openRunFolder(out), files)
  }
})

t.test('what is there is never made over', async (t) => {
  const folder = t.testdir({ taken: { 'notes.txt': 'mine' }, file: 'text' })
  const taken = join(folder, 'taken')
  const refused = { name: 'UserFault', message: /a new or empty folder/, remedy: /resume/ }
  await t.rejects(createRunFolder(configFor(taken), machine), refused)
  await t.rejects(checkRunFolder(taken), refused)
  t.same(await readdir(taken), ['notes.txt'])
  for (const out of [join(folder, 'file'), join(folder, 'file', 'below')]) {
    await t.rejects(createRunFolder(configFor(out), machine), { name: 'UserFault' })
    await t.rejects(openRunFolder(out), { name: 'UserFault', message: /the folder of a run/ })
  }
  t.equal(await readFile(join(folder, 'file'), 'utf8'), 'text')
  await t.resolves(checkRunFolder(join(folder, 'new', 'below')))
  t.same((await readdir(folder)).sort(), ['file', 'taken'], 'a check makes nothing')
})

t.test(
  'a folder that cannot be written is refused',
  { skip: process.getuid?.() === 0 && 'root may write' },
  async (t) => {
    const folder = t.testdir({ closed: {} })
    await chmod(join(folder, 'closed'), 0o500)
    const refused = { name: 'UserFault', message: /not permitted/ }
    await t.rejects(checkRunFolder(join(folder, 'closed')), refused)
    await t.rejects(checkRunFolder(join(folder, 'closed', 'run')), refused)
    await t.rejects(createRunFolder(configFor(join(folder, 'closed', 'run')), machine), refused)
  },
)

t.test('metrics are in the file at once, and a resumed run has each step once', async (t) => {
  const files = runFiles(t.testdir())
  const lines = madeUpRun(2)
  const log = await MetricsLog.open(files, null, () => undefined)
  for (const line of lines) log.append(line)
  t.same(await readMetrics(files.metrics), lines)
  log.close()
  await writeFile(files.metrics, '{"kind":"st', { flag: 'a' })

  const resumed = await MetricsLog.open(files, { step: 13, evaluated: true }, () => undefined)
  t.same(
    await readMetrics(files.metrics),
    lines.filter(({ step }) => step <= 13),
  )
  for (const line of lines.filter(({ step }) => step > 13)) resumed.append(line)
  resumed.close()
  t.same(await readMetrics(files.metrics), lines)
  t.equal((await readdir(files.events)).length, 2, 'one event file a start')
})

t.test('a loss that is no number does not break the file', async (t) => {
  const files = runFiles(t.testdir())
  const log = await MetricsLog.open(files, null, () => undefined)
  log.append({ ...stepLine(1), loss: Number.NaN })
  log.append(evalLine(0))
  log.close()
  t.equal((await readMetrics(files.metrics)).length, 2)
})

t.test("metrics that cannot be written are the user's fault", async (t) => {
  const files = runFiles(t.testdir())
  await mkdir(files.metrics)
  await t.rejects(
    MetricsLog.open(files, null, () => undefined),
    { name: 'UserFault', message: /metrics\.jsonl/ },
  )
})
