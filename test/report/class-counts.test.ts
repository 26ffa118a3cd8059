import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { classErrors, countClasses } from '../../src/report/class-counts.ts'
import { classSection } from '../../src/report/class-section.ts'
import { classifierNames } from '../../src/report/classifier-names.ts'
import { readRunView } from '../../src/report/run-view.ts'
import { writeJson } from '../../src/report/write-whole.ts'
import { evalLine } from './made-up-run.ts'

const names = classifierNames({ method: 'one' })
// Four cats (two taken for dogs), three dogs (one for a cat, one for a cow), no cow.
const labels = [0, 1, 0, 1, 0, 0, 1]
const predicted = new Map([
  ['0', [0, 1, 1, 0, 1, 0, 2]],
  ['1', [2, 2, 2, 2, 2, 2, 2]],
  ['teacher', labels],
])
const counts = countClasses(evalLine(0), { labels, predicted }, ['cat', '<dog>', 'cow'])

t.test('counts of the deployed classifier and of the ensemble', async (t) => {
  t.same(
    counts.classifiers,
    [
      {
        name: '0',
        counts: [
          [0, 0, 2],
          [0, 1, 2],
          [1, 0, 1],
          [1, 1, 1],
          [1, 2, 1],
        ],
      },
      {
        name: 'teacher',
        counts: [
          [0, 0, 4],
          [1, 1, 3],
        ],
      },
    ],
    'by hand',
  )
  const [network, ensemble] = counts.classifiers
  t.same(classErrors(counts.classes, network!), [
    { label: '<dog>', images: 3, error: 200 / 3, confusedWith: { label: 'cat', images: 1 } },
    { label: 'cat', images: 4, error: 50, confusedWith: { label: '<dog>', images: 2 } },
  ])
  t.same(
    classErrors(counts.classes, ensemble!).map(({ error }) => error),
    [0, 0],
  )
  const folder = mkdtempSync(join(tmpdir(), 'classes-'))
  await writeJson(join(folder, 'classes.json'), counts)
  t.same((await readRunView(folder, [])).classes, counts)
  await writeJson(join(folder, 'classes.json'), { ...counts, classes: 'cat' })
  await t.rejects(readRunView(folder, []), { name: 'UserFault', message: /classes\.json/ })
})

t.test('a matrix of few classes, pairs of many', (t) => {
  const matrix = classSection(counts, names)
  t.match(
    matrix,
    /<th scope="row">cat<\/th><td class="right" style="--part: 50%">2<\/td><td style="--part: 50%">2<\/td>/,
  )
  t.match(matrix, /<th scope="row">&lt;dog&gt;<\/th><td style="--part: 33%">1<\/td>/)
  const many = Array.from({ length: 21 }, (_, index) => `class ${index}`)
  const pairs = classSection(countClasses(evalLine(0), { labels, predicted }, many), names)
  t.match(pairs, /<td>class 0<\/td><td>class 1<\/td><td>2<\/td>/)
  t.notMatch(pairs, /class="confusion"/)
  t.equal(classSection(null, names), '')
  t.end()
})
