import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { encodeCompileOptions } from '../../../src/executors/xla/compile-options.ts'
import { findPlugins, readPluginTable } from '../../../src/executors/xla/find-plugin.ts'
import { openClient } from '../../../src/executors/xla/open-client.ts'
import { loadPjrtAddon } from '../../../src/executors/xla/pjrt-addon.ts'
import { withoutXla } from '../../support/xla.ts'

/** Libraries that are no plugin, or one of another time. */
const open = (plugin: string) => () => openClient({ platform: 'cpu', devices: 1, plugin })

/** A library whose PJRT API says it is of this version and ends after so many functions; all it can is to be initialised. */
function madePlugin(folder: string, name: string, minor: number, functions: number): string {
  const [source, library] = [join(folder, `${name}.c`), join(folder, `${name}.so`)]
  const fields = 'unsigned long size; void *extensions; unsigned long version_size; void *more; int major, minor;'
  const size = 16 + 24 + 8 * functions
  writeFileSync(
    source,
    'static void *initialise(void *args) { (void)args; return 0; }\n' +
      `static struct { ${fields} void *functions[200]; } api = ` +
      `{${size}, 0, 24, 0, 0, ${minor}, {[3] = (void *)initialise}};\nvoid *GetPjrtApi(void) { return &api; }\n`,
  )
  const { status, stderr } = spawnSync(
    process.env['CXX'] || 'g++',
    ['-x', 'c', '-shared', '-fPIC', source, '-o', library],
    {
      encoding: 'utf8',
    },
  )
  if (status !== 0) throw new Error(stderr)
  return library
}

t.test('a library that is no plugin is refused', (t) => {
  const addon = fileURLToPath(new URL('../../../../native/build/Release/one.node', import.meta.url))
  t.throws(open(addon), { name: 'UserFault', message: /it has no function GetPjrtApi/ })
  t.throws(open(fileURLToPath(import.meta.url)), { name: 'UserFault', message: /it does not load/ })
  t.throws(open('absent.so'), { name: 'UserFault', message: /no file at .*absent\.so/ })
  t.end()
})

t.test('an API of another time is refused', (t) => {
  const folder = t.testdir()
  const { oldest, newest } = readPluginTable().abi
  t.throws(open(madePlugin(folder, 'old', oldest - 1, 128)), {
    message: new RegExp(`its PJRT API is 0\\.${oldest - 1}; 0\\.${oldest} or newer is served`),
  })
  t.throws(open(madePlugin(folder, 'short', newest, 20)), { message: /ends before those that are needed/ })
  t.end()
})

t.test('an API without compilation ahead of time is refused where that is asked for', (t) => {
  const { oldest, newest } = readPluginTable().abi
  const plugin = madePlugin(t.testdir(), 'early', newest, 80)
  const compile = () => loadPjrtAddon().compileAheadOfTime(plugin, oldest, [], '', Uint8Array.of())
  t.throws(compile, { message: /ends before those that are needed/ })
  t.end()
})

t.test('a plugin that knows only the devices that are here says so', { skip: withoutXla }, (t) => {
  const [plugin] = findPlugins('cpu', null)
  const options = encodeCompileOptions({ replicas: 1, deviceIds: null, flags: {} })
  const compile = () =>
    loadPjrtAddon().compileAheadOfTime(plugin?.path ?? '', readPluginTable().abi.oldest, [], 'module {}', options)
  t.throws(compile, { message: /Topology not supported/ })
  t.end()
})

t.test('a plugin is found by option, then by variable, then where the set-up puts it', (t) => {
  const before = process.env['NATIVE_ENSEMBLE_PJRT_GPU']
  t.teardown(() => {
    if (before === undefined) delete process.env['NATIVE_ENSEMBLE_PJRT_GPU']
    else process.env['NATIVE_ENSEMBLE_PJRT_GPU'] = before
  })
  process.env['NATIVE_ENSEMBLE_PJRT_GPU'] = 'named.so'
  t.match(findPlugins('gpu', 'given.so'), [{ path: /given\.so$/, origin: '--pjrt-plugin' }])
  t.match(findPlugins('gpu', null)[0], { path: /named\.so$/, origin: 'NATIVE_ENSEMBLE_PJRT_GPU' })
  t.end()
})
