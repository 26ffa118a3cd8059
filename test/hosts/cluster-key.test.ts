/** Where the hosts' secret comes from, and the handshake that proves it. */
import { once } from 'node:events'
import { chmodSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { deriveKey, findClusterKey, isLoopback } from '../../src/train/hosts/cluster-key.ts'
import { admit, introduce } from '../../src/train/hosts/handshake.ts'
import { commonAddress, listenAddress } from '../../src/train/hosts/listen-address.ts'

const FAR = { host: 'node1', port: 29_500 }
const HERE = { host: 'localhost', port: 29_500 }
const SECRET = '0123456789abcdef0123456789abcdef'

t.test('from the variable, else from the file, the same for all', (t) => {
  const file = join(t.testdir({ key: `${SECRET}\n` }), 'key')
  const wanted = Buffer.from(SECRET)
  t.same(findClusterKey(FAR, { NATIVE_ENSEMBLE_CLUSTER_KEY: ` ${SECRET}` }), wanted)
  t.same(findClusterKey(FAR, { NATIVE_ENSEMBLE_CLUSTER_KEY_FILE: file }), wanted)
  t.throws(() => findClusterKey(HERE, { NATIVE_ENSEMBLE_CLUSTER_KEY: 'short' }), {
    message: /a secret of 16 characters or more for NATIVE_ENSEMBLE_CLUSTER_KEY but received 5/,
    remedy: /openssl rand/,
  })
  t.throws(() => findClusterKey(FAR, { NATIVE_ENSEMBLE_CLUSTER_KEY_FILE: `${file}2` }), { message: /ENOENT.*key2/ })
  t.throws(() => findClusterKey(FAR, {}), {
    message: /a secret that the hosts share/,
    remedy: /before srun or mpiexec/,
  })
  t.end()
})

t.test('on loopback without one: a secret that only this user can read, the same for every process', (t) => {
  const folder = t.testdir({})
  process.env['TMPDIR'] = folder
  t.teardown(() => delete process.env['TMPDIR'])
  const made = findClusterKey(HERE, {})
  t.equal(made.length, 64)
  t.same(findClusterKey({ host: '::1', port: 1 }, {}), made)
  const [own = ''] = readdirSync(folder)
  t.same(readdirSync(join(folder, own)), ['cluster-key'], 'no draft is left')
  t.equal(statSync(join(folder, own)).mode & 0o777, 0o700)
  t.equal(statSync(join(folder, own, 'cluster-key')).mode & 0o777, 0o600)
  chmodSync(join(folder, own), 0o755)
  t.throws(() => findClusterKey(HERE, {}), { message: /a folder that only you can read/, remedy: /export / })
  t.end()
})

t.test("a folder that is somebody else's link is not used", (t) => {
  const folder = t.testdir({ elsewhere: {} })
  process.env['TMPDIR'] = join(folder, 'tmp')
  t.teardown(() => delete process.env['TMPDIR'])
  mkdirSync(join(folder, 'tmp'))
  chmodSync(join(folder, 'elsewhere'), 0o700)
  writeFileSync(join(folder, 'elsewhere', 'cluster-key'), SECRET)
  symlinkSync(join(folder, 'elsewhere'), join(folder, 'tmp', `native-ensemble-${process.getuid?.() ?? 0}`))
  t.throws(() => findClusterKey(HERE, {}), { message: /a folder that only you can read/ })
  t.end()
})

t.test('keys of each use and run differ', (t) => {
  const key = Buffer.from(SECRET)
  const derived = [
    deriveKey(key, 'gradients', 'a'),
    deriveKey(key, 'store', 'a'),
    deriveKey(key, 'gradients', 'b'),
    deriveKey(Buffer.from(`${SECRET}!`), 'gradients', 'a'),
  ]
  t.equal(new Set(derived.map((one) => one.toString('hex'))).size, derived.length)
  t.end()
})

t.test('loopback is told by the address itself', async (t) => {
  for (const host of ['localhost', '127.0.0.1', '127.9.9.9', '::1']) t.ok(isLoopback(host), host)
  for (const host of ['node1', '10.0.0.1', '127.example.org', '::', '0.0.0.0']) t.notOk(isLoopback(host), host)
  t.equal(await listenAddress('127.0.0.1'), '127.0.0.1')
  t.match(await listenAddress('localhost'), /^(127\.0\.0\.1|::1)$/)
  t.equal(await listenAddress('192.0.2.77'), null, 'no address of this machine: all interfaces')
  t.equal(commonAddress(['10.0.0.1', '10.0.0.1']), '10.0.0.1')
  t.equal(commonAddress(['10.0.0.1', '10.0.1.1']), '')
  t.equal(commonAddress(['fe80::1']), '', 'an address of one link means nothing without the link')
})

/** How the two ends of a handshake went: null = proved. */
async function handshake(listens: Buffer, connects: Buffer, uses: readonly ['coordinator' | 'store', 'coordinator']) {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const socket = connect(address !== null && typeof address === 'object' ? address.port : 0, '127.0.0.1')
  const [other]: Socket[] = await once(server, 'connection')
  if (other === undefined) throw new Error('Expected a connection')
  const kind = (error: unknown) => (error instanceof Error && 'kind' in error ? error.kind : error)
  const ends = await Promise.all([
    admit(other, listens, uses[0], 20_000).then(() => null, kind),
    introduce(socket, connects, uses[1], 20_000).then(() => null, kind),
  ])
  for (const one of [socket, other]) one.destroy()
  server.close()
  return ends
}

t.test('both ends prove the key, for one use', async (t) => {
  const [key, other] = [Buffer.from(SECRET), Buffer.from('another secret')]
  t.same(await handshake(key, key, ['coordinator', 'coordinator']), [null, null])
  t.same(await handshake(key, other, ['coordinator', 'coordinator']), ['key', 'key'])
  t.same(await handshake(key, key, ['store', 'coordinator']), ['key', 'key'])
})

t.test('a listener that only repeats what it heard has proved nothing', async (t) => {
  const server = createServer((socket) => {
    socket.write(Buffer.concat([Buffer.from('NE-HOST3'), Buffer.alloc(32, 1)]))
    // The connector's own proof, sent back.
    socket.on('data', (bytes) => socket.write(bytes.subarray(32)))
    socket.on('error', () => undefined)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const socket = connect(address !== null && typeof address === 'object' ? address.port : 0, '127.0.0.1')
  await t.rejects(introduce(socket, Buffer.from(SECRET), 'coordinator', 20_000), { message: 'it has another key' })
  socket.destroy()
  server.close()
})
