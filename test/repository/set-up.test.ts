import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const root = fileURLToPath(new URL('../../../', import.meta.url))

function setUp(env: NodeJS.ProcessEnv) {
  return spawnSync(process.execPath, [join(root, 'scripts/setup.mjs')], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  })
}

const stamp = () => readFileSync(join(root, '.setup/onednn.json'), 'utf8')

t.test('a missing compiler is named, with the command that installs one', (t) => {
  const before = stamp()
  const { status, stderr } = setUp({ CXX: 'no-such-compiler' })
  t.equal(status, 2)
  t.match(stderr, 'Expected a C++ compiler named no-such-compiler in PATH but found none.')
  t.match(stderr, 'sudo apt-get install g++')
  t.equal(stamp(), before)
  t.end()
})

t.test('an ONEDNN_ROOT without oneDNN is refused, and what was found before stays', (t) => {
  const before = stamp()
  const folder = t.testdir({})
  const { status, stderr } = setUp({ ONEDNN_ROOT: folder })
  t.equal(status, 2)
  t.match(stderr, `Expected oneDNN 3 or newer in ONEDNN_ROOT=${folder} but none is there.`)
  t.equal(stamp(), before)
  t.end()
})

t.test('an ONEDNN_ROOT with oneDNN 2 is refused by its version', (t) => {
  const version = '#define DNNL_VERSION_MAJOR 2\n#define DNNL_VERSION_MINOR 6\n#define DNNL_VERSION_PATCH 3\n'
  const folder = t.testdir({ include: { oneapi: { dnnl: { 'dnnl_version.h': version } } } })
  const { status, stderr } = setUp({ ONEDNN_ROOT: folder })
  t.equal(status, 2)
  t.match(stderr, 'but it is 2.6.3, older than 3.0.')
  t.end()
})

const { checkNode }: { checkNode(version: string, platform: string): void } = await import(
  join(root, 'scripts/setup/node-and-system.mjs')
)

t.test('an old Node and a system other than Linux are refused', (t) => {
  t.throws(() => checkNode('20.14.0', 'linux'), { message: 'Expected Node 20.15 or newer but received 20.14.0' })
  t.throws(() => checkNode('18.20.1', 'linux'), { message: 'Expected Node 20.15 or newer but received 18.20.1' })
  t.throws(() => checkNode('22.1.0', 'darwin'), { message: 'Expected Linux but received darwin' })
  t.doesNotThrow(() => checkNode('20.15.0', 'linux'))
  t.doesNotThrow(() => checkNode('22.1.0', 'linux'))
  t.end()
})
