import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const root = fileURLToPath(new URL('../../../', import.meta.url))

function index(...options: readonly string[]) {
  const { status, stdout } = spawnSync(process.execPath, [join(root, 'scripts/results-index.mjs'), ...options], {
    encoding: 'utf8',
  })
  return { status, said: stdout.trimEnd() }
}

const README =
  'Before.\n\n<!-- The tables are written by `npm run results:index`. -->\n<!-- The end of the tables. -->\n\nAfter.\n'

const run = (about: object) => ({ 'about.json': JSON.stringify(about), 'report.md': '# Figures\n' })

t.test('the tables of results/README.md are those of the runs', (t) => {
  const { status, said } = index('--check')
  t.equal(status, 0, said)
  t.end()
})

t.test('the current run of a subject comes first, then from the latest to the earliest; prose stays', (t) => {
  const folder = t.testdir({
    results: {
      'README.md': README,
      step: {
        'resnet-32': {
          '2026-01-01-first': run({ shows: 'one | two', command: '`a`' }),
          '2026-01-01b-all-modes': run({ shows: 'all', command: '`b`', current: true }),
          '2026-02-01-few-modes': run({ shows: 'few', command: '`c`' }),
        },
      },
      evidence: { cifar100: { ...run({ shows: 'errors', command: '`d`', report: 'tables.md' }), 'tables.md': '' } },
    },
  })
  t.equal(index('--check', folder).status, 1)
  t.same(index(folder).status, 0)
  const text = readFileSync(join(folder, 'results/README.md'), 'utf8')
  t.match(text, /^Before\.\n\n<!--[\s\S]*<!-- The end of the tables\. -->\n\nAfter\.\n$/)
  t.same(
    text.split('\n').filter((line) => line.startsWith('### ') || line.includes('](')),
    [
      '### evidence',
      '| **cifar100** | **[as it is](evidence/cifar100/tables.md)** | errors | `d` |',
      '### step',
      '| **resnet-32** | **[2026-01-01b-all-modes](step/resnet-32/2026-01-01b-all-modes/report.md)** | all | `b` |',
      '|  | [2026-02-01-few-modes](step/resnet-32/2026-02-01-few-modes/report.md) | few | `c` |',
      '|  | [2026-01-01-first](step/resnet-32/2026-01-01-first/report.md) | one \\| two | `a` |',
    ],
  )
  t.equal(index(folder).status, 0)
  t.equal(readFileSync(join(folder, 'results/README.md'), 'utf8'), text, 'written again it is the same')
  t.end()
})

t.test('a run that is not described, or is no run, is named and nothing is written', (t) => {
  const cases = [
    {
      about: { shows: '', command: '`a`' },
      says: /what the run is in "shows" in results\/step\/net\/day\/about\.json/,
    },
    { about: { shows: 'x', command: '`a`', best: true }, says: /nothing else, but received best/ },
    { about: { shows: 'x', command: '`a`', report: 'absent.md' }, says: /step\/net\/day\/absent\.md is not/ },
  ]
  for (const { about, says } of cases) {
    const folder = t.testdir({ results: { 'README.md': README, step: { net: { day: run(about) } } } })
    const { status, said } = index(folder)
    t.equal(status, 1)
    t.match(said, says)
    t.equal(readFileSync(join(folder, 'results/README.md'), 'utf8'), README)
  }
  const current = () => run({ shows: 'x', command: '`a`', current: true })
  const net = { '2026-01-01': current(), '2026-01-02': current() }
  const folder = t.testdir({ results: { 'README.md': README, step: { net } } })
  t.match(index(folder).said, /one current run of step\/net but received two/)
  t.end()
})
