import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import t from 'tap'
import { makeConfig } from '../../src/config/make-config.ts'
import { compareRuns, writeComparison } from '../../src/report/comparison.ts'
import { drawDotsFile } from '../../src/report/error-dots.ts'
import { type EvalLine, summariseErrors } from '../../src/report/metrics.ts'
import { runFiles } from '../../src/report/run-files.ts'
import { gatherRuns } from '../../src/report/run-folders.ts'
import { printCsv, readableCells } from '../../src/report/table-columns.ts'
import { deploymentCost } from '../../src/studies/training-cost.ts'
import { epochLine, evalLine } from './made-up-run.ts'

interface Left {
  readonly recipe?: string | null
  readonly given?: object
  /** Errors of each branch and of the teacher after each epoch. */
  readonly errors: readonly (readonly [branches: readonly number[], teacher: number | null])[]
}

/** A run folder with these evaluations; it is at its end where there are as many as epochs. */
async function leaveRun(folder: string, name: string, { recipe = null, given = {}, errors }: Left): Promise<string> {
  const out = join(folder, name)
  await mkdir(out, { recursive: true })
  const files = runFiles(out)
  const settings = Object.entries({ epochs: errors.length, ...given, out }).filter(([, value]) => value !== undefined)
  await writeFile(files.config, JSON.stringify(await makeConfig(recipe, Object.fromEntries(settings))))
  const lines = errors.flatMap(([branches, teacher], epoch) => [
    { ...epochLine(epoch), top1_error: summariseErrors(branches, teacher) },
    { ...evalLine(epoch), top1_error: summariseErrors(branches, teacher) } satisfies EvalLine,
  ])
  await writeFile(files.metrics, lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
  return out
}

/** Two epochs of ONE: the second ends with the errors. */
const oneRun = (branches: readonly number[], teacher: number) => [
  [[50, 51, 52], 49] as const,
  [branches, teacher] as const,
]

t.test("a row is the mean over seeds, beside the paper's", async (t) => {
  const folder = t.testdir()
  const recipe = 'table3/resnet-32-one'
  await leaveRun(folder, 'a', { recipe, given: { seed: 2, precision: 'bf16' }, errors: oneRun([27, 28, 29], 24) })
  await leaveRun(folder, 'b', { recipe, given: { seed: 1, precision: 'bf16' }, errors: oneRun([29, 30, 31], 26) })
  await leaveRun(folder, 'c', {
    recipe,
    given: { seed: 3, precision: 'bf16', epochs: 3 },
    errors: oneRun([1, 1, 1], 1),
  })
  const { tables, notes } = await compareRuns(await gatherRuns([folder]), deploymentCost)
  t.match(notes[0], /^Not at their end, and in no table: .*c\.$/)
  t.same(
    tables.map(({ name }) => name),
    ['table1', 'table3', 'table4', 'table6', 'cifar100'],
    'every table that has this run',
  )
  const table3 = tables.find(({ name }) => name === 'table3')
  const row = table3?.rows.find(({ result }) => result !== null)
  t.match(row, { method: 'ONE', on: 'ResNet-32', figure: 'branches' })
  t.match(row?.result, {
    error: { mean: 29, overBranches: 1, overSeeds: Math.SQRT2 },
    seeds: [1, 2],
    differences: '2 of 300 epochs, bf16',
  })
  t.match(row?.result?.cost, { trainFlops: 228464320, testFlops: 138260992, parameters: 472756 })
  const ensemble = tables.find(({ name }) => name === 'table4')?.rows.find(({ method }) => method === 'ONE-E')
  t.match(ensemble?.result, { error: { mean: 25, overBranches: null }, cost: { testFlops: 228464320 } })

  if (table3 === undefined) return
  const { head, rows } = readableCells(table3)
  const line = rows.find(([method, on]) => method === 'ONE' && on === 'ResNet-32')
  const cell = (name: string) => line?.[head.indexOf(name)]
  t.equal(cell('paper, %'), '26.61 ± 0.06')
  t.equal(cell('ours, %'), '29.00')
  t.equal(cell('ours - paper'), '+2.39')
  t.equal(cell('paper, TrCost'), '2.28')
  t.equal(cell('TrCost'), '2.28')
  t.equal(rows.length, 5, 'rows without a run of ours stay')
})

t.test('a second run of the same seed counts nowhere', async (t) => {
  const folder = t.testdir()
  const recipe = 'table3/resnet-32-one'
  await leaveRun(folder, 'a', { recipe, errors: oneRun([27, 28, 29], 24) })
  await leaveRun(folder, 'b', { recipe, given: { devices: 'cpu:2', logEvery: 3 }, errors: oneRun([1, 2, 3], 1) })
  const { tables, notes } = await compareRuns(await gatherRuns([folder]), deploymentCost)
  const row = tables.find(({ name }) => name === 'table3')?.rows.find(({ result }) => result !== null)
  t.match(row?.result, { error: { mean: 28, overSeeds: null }, seeds: [1] })
  t.match(notes[0], /the seed of another run, and not counted: .*b\.$/)
})

t.test('a shortened recipe is said to be', async (t) => {
  const folder = t.testdir()
  const errors = [[[60], null] as const, [[50], null] as const]
  // 2 of 300 epochs; leaveRun's own epochs would contradict the scale.
  const given = { scale: 1 / 150, epochs: undefined }
  const out = await leaveRun(folder, 'a', { recipe: 'table6/resnet-32-branches-1', given, errors })
  const { tables, notes } = await compareRuns([out], deploymentCost)
  const row = tables.find(({ name }) => name === 'table6')?.rows[0]
  t.match(row?.result?.differences, /^2 of 300 epochs \(scale 0\.0066/)
  t.match(notes[0], /1 of 1 runs have a shortened schedule/)
})

t.test(
  'another executor is another result, and told; rows are compared with the first of their own kind',
  async (t) => {
    const folder = t.testdir()
    const gpu = { devices: 'gpu', precision: 'bf16' }
    const plain = (error: number) => [[[60], null] as const, [[error], null] as const]
    await leaveRun(folder, 'cpu/vanilla', { recipe: 'cifar100/vanilla', errors: plain(40) })
    await leaveRun(folder, 'gpu/vanilla', { recipe: 'cifar100/vanilla', given: gpu, errors: plain(41) })
    await leaveRun(folder, 'gpu/one', { recipe: 'cifar100/one', given: gpu, errors: oneRun([38, 38, 38], 37) })
    const { tables } = await compareRuns(await gatherRuns([folder]), deploymentCost)
    const table = tables.find(({ name }) => name === 'cifar100')
    if (table === undefined) throw new Error('Expected the table of the set')
    const { head, rows } = readableCells(table)
    const columns = ['method', 'ours, %', 'against the first', 'not as in the recipe'].map((name) => head.indexOf(name))
    t.same(
      rows.slice(0, 4).map((row) => columns.map((column) => row[column])),
      [
        ['vanilla', '40.00', '', '2 of 300 epochs'],
        ['vanilla', '41.00', '', '2 of 300 epochs, xla on gpu, bf16'],
        ['ONE', '38.00', '-3.00', '2 of 300 epochs, xla on gpu, bf16'],
        ['ONE-E', '37.00', '-4.00', '2 of 300 epochs, xla on gpu, bf16'],
      ],
    )
  },
)

t.test('our own sets are compared with their first row; strangers have a table of their own', async (t) => {
  const folder = t.testdir()
  const vanilla = [...Array(14).fill([[20], null]), [[10], null]] as [number[], null][]
  const one = vanilla.map(() => [[9, 9.2, 9.4], 8] as const)
  await leaveRun(folder, 'x/vanilla', { recipe: 'fashion/vanilla', errors: vanilla })
  await leaveRun(folder, 'x/one', { recipe: 'fashion/one', errors: one })
  await leaveRun(folder, 'other', { given: { network: 'resnet-8', dataset: 'cifar10' }, errors: oneRun([3, 3, 3], 2) })
  const { tables } = await compareRuns(await gatherRuns([folder]), deploymentCost)
  const [fashion, other] = tables
  if (fashion === undefined || other === undefined) throw new Error('Expected two tables')
  const { head, rows } = readableCells(fashion)
  const against = head.indexOf('against the first')
  t.same(
    rows.slice(0, 3).map((row) => [row[0], row[against]]),
    [
      ['vanilla network', ''],
      ['ONE', '-0.80'],
      ['ONE-E', '-2.00'],
    ],
  )
  t.same(
    other.rows.map(({ method, on }) => `${method}; ${on}`),
    ['resnet-8, ONE with 3 branches; cifar10, 2 epochs', 'resnet-8, ONE with 3 branches: ensemble; cifar10, 2 epochs'],
  )
})

t.test('tables and curves are written, whole, beside what is there', async (t) => {
  const folder = t.testdir({ out: { 'notes.txt': 'mine' } })
  for (const seed of [1, 2]) {
    const recipe = 'table3/resnet-32-one'
    await leaveRun(folder, `runs/${seed}`, { recipe, given: { seed }, errors: oneRun([27, 28 + seed, 29], 24) })
  }
  const comparison = await compareRuns(await gatherRuns([join(folder, 'runs')]), deploymentCost)
  const out = join(folder, 'out')
  const paths = await writeComparison(comparison, out)
  t.equal(paths[0], join(out, 'report.html'))
  t.equal(await readFile(join(out, 'notes.txt'), 'utf8'), 'mine')
  const names = await readdir(out)
  t.same(
    names.filter((name) => name.includes('.tmp')),
    [],
  )
  for (const name of ['report.html', 'tables.md', 'table3.csv', 'table4-errors.svg', 'table4-test-error.svg'])
    t.ok(names.includes(name), name)
  const html = await readFile(join(out, 'report.html'), 'utf8')
  t.match(html, /26\.61 ± 0\.06/)
  t.notMatch(html, /(src|href)="(?!data:)|url\(|@import|<script/, 'no request')
  const svg = await readFile(
    join(out, names.find((name) => name.startsWith('curves-') && name.endsWith('test.svg')) ?? ''),
  )
  const { width, height } = await sharp(svg).metadata()
  t.ok(width === 640 && (height ?? 0) > 300, 'a picture on its own')
  t.match(svg.toString(), /<text[^>]*>gated teacher \(ONE-E\)<\/text>/)
  t.match(await readFile(join(out, 'tables.md'), 'utf8'), /\| ONE \| ResNet-32 \| 26\.61 ± 0\.06 \| 28\.50 \|/)
})

t.test('a dot a seed, a bar at the mean, all inside the picture', async (t) => {
  const svg = drawDotsFile({
    title: 'Methods & errors',
    xLabel: '%',
    rows: [
      { name: 'vanilla', values: [10, 10.4, 10.2] },
      { name: 'ONE', values: [9.5] },
    ],
  })
  const places = [...svg.matchAll(/<circle[^>]* cx="([\d.]+)"/g)].map(([, x]) => Number(x))
  t.equal(places.length, 4)
  t.ok(places.every((x) => x >= 210 && x <= 616))
  const bars = [...svg.matchAll(/<path class="main" d="M([\d.]+)/g)].map(([, x]) => Number(x))
  t.ok(Math.abs((bars[0] ?? 0) - (places[2] ?? 0)) < 0.11, 'the mean of 10, 10.4 and 10.2 is at 10.2')
  t.equal(bars[1], places[3])
  t.match(svg, /Methods &amp; errors/)
  t.equal((await sharp(Buffer.from(svg)).metadata()).width, 640)
})

t.test('cells of CSV that need quotes have them', async (t) => {
  t.equal(printCsv({ head: ['a', 'b'], rows: [['1, 2', 'say "x"']] }), 'a,b\r\n"1, 2","say ""x"""\r\n')
})

t.test('folders without a run are refused', async (t) => {
  const folder = t.testdir({ empty: {} })
  await t.rejects(gatherRuns([join(folder, 'empty')]), {
    name: 'UserFault',
    message: /the folder of a run, or one of runs/,
  })
  await t.rejects(gatherRuns([join(folder, 'none')]), { name: 'UserFault' })
})
