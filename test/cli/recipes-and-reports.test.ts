/** The commands of tables and figures, as people meet them. */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { makeConfig } from '../../src/config/make-config.ts'
import { runFiles } from '../../src/report/run-files.ts'
import { describeMachine } from '../../src/train/run/machine.ts'
import { madeUpRun } from '../report/made-up-run.ts'
import { runCli } from '../trainer/run-cli.ts'

/** A run folder as training leaves it: two branches, the last errors 11.5 and 10.5, the teacher's 9.25. */
async function leaveRun(cwd: string, name: string, seed: number): Promise<void> {
  const files = runFiles(join(cwd, name))
  await mkdir(files.folder, { recursive: true })
  const given = { branches: 2, epochs: 2, seed, out: files.folder }
  await writeFile(files.config, JSON.stringify(await makeConfig('table6/resnet-32-branches-2', given)))
  await writeFile(files.machine, JSON.stringify(describeMachine({}, [])))
  await writeFile(
    files.metrics,
    madeUpRun(2)
      .map((line) => `${JSON.stringify(line)}\n`)
      .join(''),
  )
}

t.test('recipes says what there is, what it costs, and the time where it was measured', async (t) => {
  const cwd = t.testdir()
  const before = await runCli(['recipes', 'table6/'], { cwd })
  t.equal(before.code, 0, before.stderr)
  t.match(before.stdout, /^table6\/resnet-32-branches-2 +27\.38 +300 +1\.83 +8\.3 +not measured$/m)
  t.same(await readdir(cwd), [], 'nothing is written')
  await leaveRun(cwd, 'runs/a', 1)
  const { stdout } = await runCli(['recipes', 'table6/', '--json'], { cwd })
  const listed: { name: string; time: unknown; cost: unknown }[] = JSON.parse(stdout)
  t.equal(listed.length, 5)
  t.match(listed[1], { name: 'table6/resnet-32-branches-2', epochs: 300, time: { same: true } })
  t.match(listed[4], { name: 'table6/resnet-32-branches-5', time: { same: false } })
  t.match(await runCli(['recipes', 'table9'], { cwd }), { code: 2, stderr: /table1\/, table2\/, .* received table9/ })
})

t.test('report of a folder of runs', async (t) => {
  const cwd = t.testdir()
  await leaveRun(cwd, 'runs/a', 1)
  await leaveRun(cwd, 'runs/b', 2)
  const text = await runCli(['report', 'runs'], { cwd })
  t.equal(text.code, 0, text.stderr)
  t.match(text.stdout, /^2 branches +27\.38 +11\.00 +0\.71 +0\.00 +-16\.38 .* 1 2 +2 of 300 epochs$/m)
  t.match(text.stdout, /Report: report\/report\.html\n$/)
  t.match(await readFile(join(cwd, 'report', 'table6.csv'), 'utf8'), /table6,2 branches,ResNet-32,branches,27\.38,,11,/)
  const json = JSON.parse((await runCli(['report', 'runs/a', 'runs/b', '--out', 'other', '--json'], { cwd })).stdout)
  t.equal(json.report, join('other', 'report.html'))
  t.equal(json.tables[0].name, 'table6')
  t.match(await runCli(['report', 'runs/a', 'none'], { cwd }), {
    code: 2,
    stderr: /the folder of a run, or one of runs/,
  })
  t.match(await runCli(['report'], { cwd }), { code: 2 })
})
