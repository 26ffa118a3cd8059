import t from 'tap'
import { makeConfig } from '../../src/config/make-config.ts'
import { RECIPES } from '../../src/config/recipes.ts'

t.test('every row of the tables and figures is there', async (t) => {
  const counts = new Map<string, number>()
  for (const { row } of Object.values(RECIPES)) {
    if (row !== null) counts.set(row.table, (counts.get(row.table) ?? 0) + 1)
  }
  t.match(Object.fromEntries(counts), {
    table1: 24,
    table2: 4,
    table3: 5,
    table4: 10,
    table5: 8,
    table6: 5,
    figure2: 2,
    figure3: 3,
  })
})

t.test('a row stands under the name of its table, once', async (t) => {
  const rows = new Set<string>()
  for (const [name, { row }] of Object.entries(RECIPES)) {
    if (row === null) continue
    t.ok(name.startsWith(`${row.table}/`), name)
    rows.add(`${row.table}: ${row.method}, ${row.on}`)
  }
  t.equal(rows.size, Object.values(RECIPES).filter(({ row }) => row !== null).length)
})

t.test('the same run has the same figure in every table, but for one', async (t) => {
  const printed = new Map<string, Set<number>>()
  for (const [name, { row }] of Object.entries(RECIPES)) {
    if (!row?.paper?.error) continue
    const { recipe: _, ...config } = await makeConfig(name, { out: 'o' })
    const key = `${JSON.stringify(config)} ${row.figure}`
    printed.set(key, (printed.get(key) ?? new Set()).add(row.paper.error.mean))
  }
  const differing = [...printed.values()].filter((figures) => figures.size > 1).map((figures) => [...figures])
  t.same(differing, [[26.61, 26.68]], 'tables 1, 3 and 4 against table 6: ResNet-32 with three branches')
})
