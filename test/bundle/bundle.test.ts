/** A bundle in an empty folder, with an empty environment: it trains and evaluates by what it carries alone. */
import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { listContents } from '../../src/deploy/bundle/bundle-contents.ts'
import { thisMachine } from '../../src/deploy/bundle/launcher.ts'
import { makeBundle } from '../../src/deploy/bundle/make-bundle.ts'

t.setTimeout(580_000)

const root = fileURLToPath(new URL('../../../', import.meta.url))
const archive = join(root, 'test/fixtures/pytorch/tiny-cifar-10-binary.tar.gz')

const folder = t.testdir({ empty: {}, images: {} })
const home = join(folder, 'empty')
const run = (args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
  spawnSync(join(home, 'native-ensemble'), args, { cwd: home, env, encoding: 'utf8', timeout: 300_000 })

t.before(() => {
  const { path, files } = makeBundle(join(folder, 'carried.tar'), () => {})
  t.ok(files > 300)
  t.equal(spawnSync('tar', ['-xf', path, '-C', home]).status, 0)
})

t.test('trains and evaluates', (t) => {
  mkdirSync(join(folder, 'images'), { recursive: true })
  const data = join(folder, 'images', 'cifar-10-binary.tar.gz')
  copyFileSync(archive, data)
  const task = ['--network', 'resnet-8', '--branches', '2', '--dataset', 'cifar10', '--data', data]
  const trained = run(['train', ...task, '--batch', '4', '--steps', '3', '--log-every', '1', '--out', 'run'])
  t.equal(trained.status, 0, trained.stderr)
  t.match(readFileSync(join(home, 'run/metrics.jsonl'), 'utf8'), /"kind":"step".*"step":3|"step":3.*"kind":"step"/)
  const evaluated = run(['evaluate', 'run', '--json'])
  t.equal(evaluated.status, 0, evaluated.stderr)
  t.match(JSON.parse(evaluated.stdout), { top1_error: { branches: [Number, Number] } })
  t.end()
})

t.test('its own libraries are loaded, not those of this installation', (t) => {
  const addon = join(home, 'native/build/Release/one.node')
  const { stdout } = spawnSync('ldd', [addon], { encoding: 'utf8', env: {} })
  t.match(stdout, new RegExp(`libdnnl\\S* => ${join(home, 'native/build/Release')}/`))
  t.match(stdout, new RegExp(`libgomp\\S* => ${join(home, 'native/build/Release')}/`))
  const { stdout: told } = run(['devices', '--json'])
  const [onednn] = JSON.parse(told)
  t.match(onednn, { executor: 'cpu', works: true })
  t.end()
})

t.test('a processor that lacks instructions is refused with what it lacks', (t) => {
  const start = readFileSync(join(home, 'start.sh'), 'utf8')
  writeFileSync(join(home, 'start.sh'), start.replace(/^for flag in /m, 'for flag in no_such_flag '))
  const refused = run(['--version'])
  t.equal(refused.status, 2)
  t.match(refused.stderr, /without no_such_flag\.\nMake the bundle on a machine like this one/)
  t.equal(run(['--version'], { NATIVE_ENSEMBLE_ANY_PROCESSOR: '1' }).status, 0)
  writeFileSync(join(home, 'start.sh'), start.replace(`= ${thisMachine().architecture} ]`, '= pdp11 ]'))
  t.match(run(['--version']), { status: 2, stderr: /Expected a processor of .* but received/ })
  writeFileSync(join(home, 'start.sh'), start)
  t.end()
})

t.test('programs that cannot be loaded are told by the loader, with what to do', (t) => {
  const addon = join(home, 'native/build/Release/pjrt.node')
  const whole = readFileSync(addon)
  writeFileSync(addon, 'no program')
  t.match(run(['--version']), {
    status: 2,
    stderr: /programs to start here but received: .*pjrt\.node.*\nThey were made with glibc/,
  })
  writeFileSync(addon, whole)
  t.equal(run(['--version']).status, 0)
  t.end()
})

t.test('what is written and what is not', (t) => {
  const contents = listContents(root).map(({ to }) => to)
  t.equal(new Set(contents).size, contents.length)
  for (const needed of [
    'bench/baselines/torch_baseline.py',
    'scripts/pytorch/networks.py',
    'native/pjrt/plugins.json',
    'bin/node',
  ]) {
    t.ok(contents.includes(needed), needed)
  }
  t.notOk(contents.some((path) => /\.test\.js$|\.map$|\.ts$|typescript|biome/.test(path)))
  t.notOk(contents.some((path) => basename(path).startsWith('libc.so')))
  t.throws(() => makeBundle(join(folder, 'carried.tar'), () => {}), { name: 'UserFault', message: /a new file/ })
  t.throws(() => makeBundle(join(folder, 'carried.zip'), () => {}), { name: 'UserFault', message: /ends in \.tar\.xz/ })
  t.throws(() => makeBundle(join(folder, 'absent/carried.tar'), () => {}), {
    name: 'UserFault',
    message: /tar to write/,
  })
  t.ok(statSync(join(folder, 'carried.tar')).size > 1e6)
  t.same(
    readdirSync(folder).filter((name) => name.endsWith('.part')),
    [],
  )
  t.ok(existsSync(archive))
  t.end()
})
