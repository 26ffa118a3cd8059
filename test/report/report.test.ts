import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import t from 'tap'
import { classifierNames } from '../../src/report/classifier-names.ts'
import { writeReport } from '../../src/report/html-report.ts'
import { drawChart } from '../../src/report/line-chart.ts'
import { epochSummary, ProgressDisplay, printClock, progressLine } from '../../src/report/progress.ts'
import { runFiles } from '../../src/report/run-files.ts'
import { writeSamplePicture } from '../../src/report/sample-picture.ts'
import { epochLine, evalLine, madeUpRun } from './made-up-run.ts'

t.test('a report needs nothing but the metrics, and asks nobody for anything', async (t) => {
  const files = runFiles(t.testdir())
  await writeFile(
    files.metrics,
    madeUpRun(3)
      .map((line) => `${JSON.stringify(line)}\n`)
      .join(''),
  )
  const bare = await readFile(await writeReport(files.folder), 'utf8')
  for (const text of [
    'Test error',
    'Training error',
    'Training loss',
    'Learning rate',
    'Speed',
    'gated teacher',
    '8.25',
    '10.00 ± 0.71',
    '3 (best)',
    'Best epoch',
  ]) {
    t.ok(bare.includes(text), text)
  }
  await writeFile(files.config, JSON.stringify({ network: 'resnet-<32>', method: 'one', branches: 2, steps: null }))
  await writeFile(files.machine, JSON.stringify({ cpu: 'made up', images: [{ path: 'a.gz', sha256: 'abc' }] }))
  await writeSamplePicture(files.samples, { data: new Uint8Array(12), count: 1, height: 2, width: 2 }, 1)
  const full = await readFile(await writeReport(files.folder), 'utf8')
  t.match(full, /resnet-&lt;32&gt;, ONE with 2 branches/)
  t.match(full, /<td>images 1: path<\/td><td>a\.gz<\/td>/)
  t.match(full, /<td>steps<\/td><td>none<\/td>/)
  t.match(full, /<div class="charts of-epoch">.*<div class="charts of-step">/s, 'both axes to choose from')
  t.match(full, /src="data:image\/png;base64,/)
  t.notMatch(full, /(src|href)="(?!data:)|url\(|@import|<script/, 'no request')
  await t.rejects(writeReport(join(files.folder, 'none')), { name: 'UserFault', message: /metrics\.jsonl/ })
})

t.test('a run of a single step, and one of none, has a report', async (t) => {
  const files = runFiles(t.testdir())
  await writeFile(files.metrics, `${JSON.stringify(madeUpRun(1)[0])}\n`)
  t.match(await readFile(await writeReport(files.folder), 'utf8'), /Training loss of single steps/)
  await writeFile(files.metrics, '')
  t.match(await readFile(await writeReport(files.folder), 'utf8'), /<\/html>/)
})

t.test('curves lie inside their picture, between round ticks', async (t) => {
  const points = Array.from({ length: 2000 }, (_, index) => [index, Math.sin(index / 100) * 3.3] as const)
  const chart = { title: 't', xLabel: 'x', yLabel: 'y', fromZero: false, series: [{ name: 's', colour: 0, points }] }
  const svg = drawChart(chart)
  const path = /<path[^>]* d="([^"]*)"/.exec(svg)?.[1] ?? ''
  const places = path
    .split(/[ML]/)
    .slice(1)
    .map((pair) => pair.split(' ').map(Number))
  t.ok(places.length > 300 && places.length <= 500, 'thinned out')
  for (const [x = Number.NaN, y = Number.NaN] of places) {
    if (!(x >= 56 && x <= 614 && y >= 10 && y <= 260)) t.fail(`${x}, ${y} lies outside`)
  }
  const ticks = [...svg.matchAll(/text-anchor="end">([^<]+)</g)].map(([, tick]) => Number(tick))
  t.same(ticks, [-4, -2, 0, 2, 4])
})

t.test('a value that is no number breaks a curve, and a constant one has a place', async (t) => {
  const draw = (values: number[]) =>
    drawChart({
      title: '',
      xLabel: '',
      yLabel: '',
      fromZero: true,
      series: [{ name: '', colour: 'main', points: values.map((y, x) => [x, y] as const) }],
    })
  const path = /d="([^"]*)"/.exec(draw([1, 2, Number.NaN, 3, 4]))?.[1] ?? ''
  t.equal(path.match(/M/g)?.length, 2)
  t.equal(path.match(/L/g)?.length, 2)
  for (const values of [[0, 0], [5, 5], [7], [-1e-9, -1e-9]]) t.notMatch(draw(values), /NaN|Infinity/)
  t.equal(draw([]), '')
  t.equal(draw([Number.NaN]), '')
})

t.test('a sample picture shows each pixel as it is', async (t) => {
  const path = join(t.testdir(), 'samples.png')
  const data = Uint8Array.from({ length: 3 * 2 * 2 * 3 }, (_, index) => index * 7)
  await writeSamplePicture(path, { data, count: 3, height: 2, width: 2 }, 2)
  const { data: pixels, info } = await sharp(path).raw().toBuffer({ resolveWithObject: true })
  t.match(info, { width: 7 * 8, height: 7 * 8, channels: 3 })
  const at = (x: number, y: number) => [...pixels.subarray((y * info.width + x) * 3, (y * info.width + x) * 3 + 3)]
  t.same(at(0, 0), [127, 127, 127])
  t.same(at(1 * 8, 1 * 8), [...data.subarray(0, 3)])
  t.same(at(2 * 8 + 7, 2 * 8 + 7), [...data.subarray(9, 12)], 'last pixel of image 0')
  t.same(at(4 * 8, 1 * 8), [...data.subarray(12, 15)], 'first pixel of image 1')
  t.same(at(1 * 8, 4 * 8), [...data.subarray(24, 27)], 'first pixel of image 2')
  await t.rejects(writeSamplePicture(path, { data, count: 4, height: 2, width: 2 }, 2), /4 x 2 x 2 x 3 bytes/)
})

const moment = {
  epoch: 0,
  epochs: 3,
  step: 120,
  steps: 1404,
  loss: 3.9121,
  parts: { 'cross_entropy.0': 1.3, 'cross_entropy.1': 1.401, 'cross_entropy.teacher': 0.88, distillation: 0.3311 },
  imagesPerSecond: 1620.4,
  secondsLeft: 105,
}

t.test('the progress line', async (t) => {
  t.equal(
    progressLine(moment),
    '1:45 left  1620 images/s  epoch 1/3  step 120/1404  loss 3.912 (branches 2.701, teacher 0.880, distillation 0.331)',
  )
  t.match(progressLine({ ...moment, parts: { 'cross_entropy.0': 3.9121 } }), / {2}loss 3\.912$/)
  t.same([59.6, 3599, 7380, Number.NaN].map(printClock), ['1:00', '59:59', '2:03:00', '?'])
})

t.test('a terminal has one line that is overwritten, a file a line for each log step', async (t) => {
  const written = (isTTY: boolean) => {
    const texts: string[] = []
    const display = new ProgressDisplay({ isTTY, columns: 40, write: (text) => texts.push(text) })
    display.update(moment)
    display.logged(moment)
    display.note('saved')
    display.close()
    return texts
  }
  t.same(written(true), [`\r\x1b[K${progressLine(moment).slice(0, 39)}`, '\r\x1b[K', 'saved\n'])
  t.same(written(false), [`${progressLine(moment)}\n`, 'saved\n'])
})

t.test('the line after an epoch', (t) => {
  const names = classifierNames({ method: 'one' })
  const ended = { epoch: 1, epochs: 3, trained: epochLine(1), evaluation: evalLine(1), best: null }
  t.equal(
    epochSummary(ended, names),
    'epoch 2/3 done  test error 11.00 ± 0.71 %, gated teacher (ONE-E) 9.25 % (best so far)  training error 18.50 %, loss 0.325',
  )
  t.match(epochSummary({ ...ended, best: 10.5 }, names), / %, gated teacher \(ONE-E\) 9\.25 % \(best 10\.50 %\) /)
  t.equal(epochSummary({ ...ended, evaluation: null }, names), 'epoch 2/3 done  training error 18.50 %, loss 0.325')
  t.match(epochSummary({ ...ended, trained: null }, names), /\(best so far\)$/)
  t.end()
})

t.test('an evaluation is not silent', (t) => {
  const written = (isTTY: boolean) => {
    const texts: string[] = []
    const display = new ProgressDisplay({ isTTY, write: (text) => texts.push(text) })
    display.evaluating(100, 300, true)
    display.evaluating(200, 300, false)
    display.evaluating(100, 300, true)
    return texts
  }
  t.same(written(false), ['evaluating: 100/300 images\n', 'evaluating: 100/300 images\n'], 'a line each evaluation')
  t.same(written(true), ['\r\x1b[Kevaluating: 100/300 images'], 'refreshed ten times a second')
  t.end()
})

t.test('a schedule of steps is drawn as steps, and curves are told apart without colours', (t) => {
  const points = [1, 1, 0.1, 0.1].map((y, x) => [x, y] as const)
  const draw = (stepped: boolean) =>
    drawChart({
      ...{ title: 'rates', xLabel: 'step', yLabel: '', fromZero: true },
      series: [0, 1, 6, 7].map((colour) => ({ name: `curve ${colour}`, colour, points, stepped })),
    })
  t.match(draw(true), / d="M56\.0 10\.0H242\.0V10\.0H428\.0V235\.0H614\.0V235\.0"/)
  t.notMatch(draw(false), / d="M[^"]*H/)
  const classes = [...draw(true).matchAll(/<path class="(c\d d\d)" d="M56/g)].map(([, name]) => name)
  t.same(classes, ['c0 d0', 'c1 d1', 'c0 d1', 'c1 d2'])
  t.match(draw(true), /aria-label="rates: curve 0 0\.1 at step 3; curve 1 /)
  t.end()
})
