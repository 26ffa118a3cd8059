/** The store of PJRT plugins' clients: asked through the callbacks by a plugin of its own, in a process for each host. */
import { execFile, spawnSync } from 'node:child_process'
import { connect } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { startStore } from '../../src/train/hosts/store-thread.ts'

t.setTimeout(120_000)
const run = promisify(execFile)
const KEY = Buffer.from('a secret of this test')
const sources = fileURLToPath(new URL('../../../', import.meta.url))
const script = fileURLToPath(new URL('./open-client-on-host.js', import.meta.url))

const plugin = join(t.testdir(), 'asking.so')
const compiled = spawnSync(
  process.env['CXX'] || 'g++',
  [
    ...['-std=c++17', '-Wall', '-Wextra', '-shared', '-fPIC', '-I', join(sources, 'native/pjrt')],
    ...[join(sources, 'test/hosts/asking-plugin.cpp'), '-o', plugin],
  ],
  { encoding: 'utf8' },
)
t.equal(compiled.status, 0, compiled.stderr)
t.equal(compiled.stderr, '')

async function heardBy(rank: number, hosts: number, port: number, prefix: string, key = KEY): Promise<string> {
  const argv = [script, plugin, `${rank}`, `${hosts}`, `${port}`, prefix, key.toString('hex')]
  return (await run(process.execPath, argv)).stdout
}

t.test('three processes hear each other; what nobody tells is an error in time', async (t) => {
  const port = await startStore('127.0.0.1', KEY)
  const heard = await Promise.all([0, 1, 2].map((rank) => heardBy(rank, 3, port, 'run-1/')))
  // absl's codes: 5 = not found, 4 = too late.
  const all = [0, 1, 2].map((rank) => `I am ${rank} and 100001 bytes`).join('; ')
  for (const message of heard) t.match(message, `absent: error 5; late: error 4; ${all}`)
  t.match(await heardBy(0, 1, port, 'run-2/'), 'absent: error 5; late: error 4; I am 0', 'another run has its own keys')
})

t.test('a store that is not there', async (t) => {
  t.match(await heardBy(0, 1, 1, ''), "the hosts' key-value store at 127.0.0.1:1 does not answer")
})

t.test('a client with another key hears nothing', async (t) => {
  const port = await startStore('127.0.0.1', KEY)
  t.match(await heardBy(0, 1, port, 'run-1/', Buffer.from('another secret')), 'has another key')
})

t.test('what is no request is cut off and harms nobody', async (t) => {
  const port = await startStore('127.0.0.1', KEY)
  await new Promise<void>((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nHost: here\r\n\r\n'))
    socket.on('close', () => resolve())
    socket.on('error', () => undefined)
    socket.resume()
  })
  t.match(await heardBy(0, 1, port, ''), 'I am 0 and')
})
