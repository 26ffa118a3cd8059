/** `native-ensemble devices`: a device is said to work when it has compiled and run something that was compared. */
import t from 'tap'
import { describeXla } from '../../../src/engine/executors/xla/describe-xla.ts'
import { readPluginTable } from '../../../src/engine/executors/xla/find-plugin.ts'
import { tryDevices } from '../../../src/engine/executors/xla/try-devices.ts'
import { makePlugin } from '../../support/made-plugin.ts'
import { withoutXla } from '../../support/xla.ts'

t.setTimeout(580_000)

/** The line of a platform when its plugin is this one. */
function lineWith(platform: 'cpu' | 'gpu', plugin: string) {
  const variable = platform === 'cpu' ? 'NATIVE_ENSEMBLE_PJRT_CPU' : 'NATIVE_ENSEMBLE_PJRT_GPU'
  const before = process.env[variable]
  process.env[variable] = plugin
  try {
    return describeXla().find(({ device }) => device === (platform === 'cpu' ? 'xla-cpu' : 'gpu'))
  } finally {
    if (before === undefined) delete process.env[variable]
    else process.env[variable] = before
  }
}

t.test('each device compiles and runs', { skip: withoutXla }, (t) => {
  const { facts, trials } = tryDevices({ platform: 'cpu', devices: 2, plugin: null })
  t.equal(facts.devices.length, 2)
  t.match(trials, [{ fault: null }, { fault: null }])
  t.ok(trials.every(({ compileSeconds, runMilliseconds }) => compileSeconds > 0 && runMilliseconds > 0))
  t.match(describeXla()[1], { device: 'xla-cpu', works: true, detail: /compiled in .* and ran right in/ })
  t.end()
})

t.test('a plugin that ends its process does not end ours', (t) => {
  const { newest } = readPluginTable().abi
  const initialise = '__builtin_printf("so far"); abort(); return 0;'
  const killer = makePlugin(t.testdir(), 'killer', { minor: newest, functions: 128, initialise })
  t.match(lineWith('cpu', killer), { works: false, detail: /its end \(SIGABRT\)/, remedy: /--devices cpu/ })
  t.end()
})

t.test('a plugin that refuses says so', (t) => {
  const { oldest } = readPluginTable().abi
  const old = makePlugin(t.testdir(), 'old', { minor: oldest - 1, functions: 128 })
  t.match(lineWith('gpu', old), { works: false, detail: /its PJRT API is 0/, remedy: /native-ensemble devices/ })
  t.end()
})
