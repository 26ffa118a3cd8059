import { fileURLToPath } from 'node:url'
import t from 'tap'
import { encodeCompileOptions } from '../../../src/engine/executors/xla/compile-options.ts'
import { findPlugins, readPluginTable } from '../../../src/engine/executors/xla/find-plugin.ts'
import { openClient } from '../../../src/engine/executors/xla/open-client.ts'
import { loadPjrtAddon } from '../../../src/engine/executors/xla/pjrt-addon.ts'
import { makePlugin } from '../../support/made-plugin.ts'
import { withoutXla } from '../../support/xla.ts'

/** Libraries that are no plugin, or one of another time. */
const open = (plugin: string) => () => openClient({ platform: 'cpu', devices: 1, plugin })

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
  t.throws(open(makePlugin(folder, 'old', { minor: oldest - 1, functions: 128 })), {
    message: new RegExp(`its PJRT API is 0\\.${oldest - 1}; 0\\.${oldest} or newer is served`),
  })
  t.throws(open(makePlugin(folder, 'short', { minor: newest, functions: 20 })), {
    message: /ends before those that are needed/,
  })
  t.end()
})

t.test('an API without compilation ahead of time is refused where that is asked for', (t) => {
  const { oldest, newest } = readPluginTable().abi
  const plugin = makePlugin(t.testdir(), 'early', { minor: newest, functions: 80 })
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
