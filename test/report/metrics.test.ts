import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { printErrorTable } from '../../src/report/error-table.ts'
import { readMetrics, summariseErrors } from '../../src/report/metrics.ts'
import { evalLine, madeUpRun } from './made-up-run.ts'

t.test('lines are read as they were written, an unfinished last one is dropped', async (t) => {
  const path = join(t.testdir(), 'metrics.jsonl')
  const lines = madeUpRun(2)
  const text = lines.map((line) => `${JSON.stringify(line)}\n`).join('')
  await writeFile(path, `${text}{"kind":"step","st`)
  t.same(await readMetrics(path), lines)
})

t.test('a line that is not ours is named', async (t) => {
  const path = join(t.testdir(), 'metrics.jsonl')
  for (const line of ['{"kind":"step"}', 'null', 'text', '{"kind":"other","step":1,"epoch":0}']) {
    await writeFile(path, `${JSON.stringify(evalLine(0))}\n${line}\n`)
    await t.rejects(readMetrics(path), { name: 'UserFault', message: /metrics\.jsonl, line 2/ })
  }
  await t.rejects(readMetrics(join(path, 'none')), { name: 'UserFault' })
})

t.test('errors are summed up with the sample deviation', async (t) => {
  t.same(summariseErrors([1, 2, 3], null), { branches: [1, 2, 3], mean: 2, std: 1, teacher: null })
  t.same(summariseErrors([4], 3), { branches: [4], mean: 4, std: 0, teacher: 3 })
})

t.test('the table has a row a branch, the mean and the teacher', async (t) => {
  const table = printErrorTable(
    'Test error, percent',
    summariseErrors([9.5, 10.5], 8.25),
    summariseErrors([0.5, 0.25], 0.125),
  )
  t.equal(
    table,
    [
      'Test error, percent',
      '                         top-1         top-5',
      '  branch 0                9.50          0.50',
      '  branch 1               10.50          0.25',
      '  mean of the branches   10.00 ± 0.71   0.38 ± 0.18',
      '  gated teacher (ONE-E)   8.25          0.13',
    ].join('\n'),
  )
  t.notMatch(printErrorTable('', summariseErrors([9], null), summariseErrors([1], null)), /mean|teacher/)
})
