import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import t from 'tap'
import { makeResultFolder, readResultOptions, writeResult } from '../../bench/write-result.ts'

const step = { bench: 'step', subject: 'resnet-32' }

t.test('each run of a day has a folder of its own, in their order by name', (t) => {
  const out = join(t.testdir(), 'results')
  const made = ['First try!', undefined, 'own kernels, AVX-512'].map((what) =>
    basename(makeResultFolder(readResultOptions({ out, what }), step)),
  )
  const date = new Date().toISOString().slice(0, 10)
  t.same(made, [`${date}-first-try`, `${date}b`, `${date}c-own-kernels-avx-512`])
  for (let more = 4; more <= 28; more++) made.push(basename(makeResultFolder({ out, what: null }, step)))
  t.match(made.slice(-4), [`${date}y`, `${date}z`, `${date}zb`, `${date}zc`])
  t.same(readdirSync(join(out, 'step/resnet-32')).sort(), made)
  t.end()
})

t.test('a run says how it is repeated, without the paths of this machine', (t) => {
  const [argv, script] = [process.argv, process.env['npm_lifecycle_event']]
  t.teardown(() => {
    process.argv = argv
    if (script === undefined) delete process.env['npm_lifecycle_event']
    else process.env['npm_lifecycle_event'] = script
  })
  process.argv = [
    'node',
    'step.js',
    '--python',
    '/opt/venv/bin/python',
    '--builds=/tmp/one,/tmp/two',
    '--what',
    "it's new",
  ]
  process.env['npm_lifecycle_event'] = 'bench:step'
  const folder = makeResultFolder({ out: t.testdir(), what: "it's new" }, step)
  t.same(JSON.parse(readFileSync(join(folder, 'about.json'), 'utf8')), {
    shows: "it's new",
    command: "`npm run bench:step -- --python python --builds=one,two --what 'it'\\''s new'`",
  })
  t.ok(writeResult(folder, '# Figures\n\n', { figures: [1] }).startsWith(`Written: ${folder}.`))
  t.equal(readFileSync(join(folder, 'report.md'), 'utf8'), '# Figures\n')
  t.same(JSON.parse(readFileSync(join(folder, 'run.json'), 'utf8')), { figures: [1] })
  t.end()
})

t.test('options that cannot be are refused before anything is measured or made', (t) => {
  const folder = t.testdir()
  writeFileSync(join(folder, 'file'), '')
  t.throws(() => readResultOptions({ out: join(folder, 'file') }), { message: /^Expected a folder for --out/ })
  t.throws(() => readResultOptions({ out: join(folder, 'new'), what: ' -!' }), {
    message: /^Expected words for --what/,
  })
  t.notOk(existsSync(join(folder, 'new')))
  t.end()
})
