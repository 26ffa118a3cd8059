/** Strangers at the ports of a run on several hosts: they end nothing, take no rank, and hold nobody up. */
import { once } from 'node:events'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { Packr } from 'msgpackr'
import t from 'tap'
import { listenGuarded } from '../../src/train/hosts/guarded-server.ts'
import { introduce } from '../../src/train/hosts/handshake.ts'
import { HostFollower } from '../../src/train/hosts/host-follower.ts'
import { readRun } from '../trainer/read-run.ts'
import { runCli, TRAIN_TINY } from '../trainer/run-cli.ts'
import { endsOf, freePort, startHost, startHosts } from '../trainer/start-hosts.ts'
import { fuzzBeforeHello, fuzzHandshakes, fuzzStore, fuzzToFollower, fuzzToLeader } from './message-fuzz.ts'

t.setTimeout(580_000)
const cwd = t.testdir()
const LOOPBACK = '127.0.0.1'
const SECRET = 'a secret of this test'
const env = { NATIVE_ENSEMBLE_CLUSTER_KEY: SECRET }
const STEPS = 3
const TRAIN = [...TRAIN_TINY, '--steps', `${STEPS}`]
const PLAN = { seed: 1, mutations: 150 }

async function knock(port: number) {
  const socket = connect(port, LOOPBACK)
  socket.on('error', () => undefined)
  // Cut off while we write is ended as well.
  const ended = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  await once(socket, 'connect')
  return { socket, ended }
}

t.test('a leader goes on through whatever is said to its port, to the same bits', async (t) => {
  const port = await freePort()
  const start = (rank: number) => startHost([...TRAIN, '--out', 'attacked'], { rank, hosts: 2, port }, { cwd, env })
  const leader = start(0)
  await leader.said('Waiting for 1 other host')
  const idle = await Promise.all(Array.from({ length: 100 }, () => knock(port)))
  // 64 MiB of small objects, as one message; a stranger's is not even taken.
  const flood = await knock(port)
  const head = Buffer.alloc(4)
  head.writeUInt32LE(2 ** 26)
  flood.socket.write(head)
  flood.socket.write(Buffer.alloc(2 ** 26, 0x91))
  flood.socket.resume()
  await flood.ended
  t.match(await fuzzHandshakes(port, PLAN), { findings: [] })
  t.match(await fuzzBeforeHello(port, Buffer.from(SECRET), PLAN), { findings: [] })
  // The key alone asks for nothing: the first word is hello.
  const holder = await knock(port)
  await introduce(holder.socket, Buffer.from(SECRET), 'coordinator', 60_000)
  const stop = new Packr({ useRecords: false }).pack({ kind: 'stop' })
  holder.socket.resume().write(Buffer.concat([Buffer.from([stop.length, 0, 0, 0]), stop]))
  await holder.ended
  for (const { code, stderr } of await endsOf([leader, start(1)])) t.equal(code, 0, stderr)
  for (const { socket } of idle) socket.destroy()
  const undisturbed = await endsOf(await startHosts([...TRAIN, '--out', 'undisturbed'], 2, { cwd, env }))
  for (const { code, stderr } of undisturbed) t.equal(code, 0, stderr)
  t.same(await readRun(join(cwd, 'attacked'), STEPS), await readRun(join(cwd, 'undisturbed'), STEPS))
})

t.test('damaged messages of hosts that have the key end their connections and nothing else', async (t) => {
  for (const result of [await fuzzToLeader(PLAN), await fuzzToFollower(PLAN), await fuzzStore(PLAN)]) {
    t.same(result.findings, [], result.name)
  }
})

t.test(
  'a leader that ends is not kept by an idle connection, nor by one that has the key and says nothing',
  async (t) => {
    const port = await freePort()
    const run = startHost(
      [...TRAIN, '--out', 'left'],
      { rank: 0, hosts: 2, port },
      { cwd, env: { ...env, NATIVE_ENSEMBLE_HOST_TIMEOUT: '4' } },
    )
    await run.said('Waiting for 1 other host')
    const idle = await knock(port)
    const holder = await knock(port)
    await introduce(holder.socket, Buffer.from(SECRET), 'coordinator', 60_000)
    const { code, stderr } = await run.ended
    t.equal(code, 2)
    t.match(stderr, /rank 1 did not come/)
    for (const { socket } of [idle, holder]) socket.destroy()
  },
)

t.test('another key is told on both sides, and the run waits for the right one', async (t) => {
  const port = await freePort()
  const start = (rank: number, key: string) => {
    const place = { rank, hosts: 2, port }
    return startHost([...TRAIN, '--out', 'keys'], place, { cwd, env: { NATIVE_ENSEMBLE_CLUSTER_KEY: key } })
  }
  const leader = start(0, SECRET)
  const wrong = await start(1, 'another secret than that').ended
  t.equal(wrong.code, 2)
  t.match(wrong.stderr, /Expected host 0 at 127.0.0.1:\d+ to have this host's key but it has another key/)
  const [led, followed] = await endsOf([leader, start(1, SECRET)])
  t.equal(led.code, 0, led.stderr)
  t.match(led.stderr, 'A connection from 127.0.0.1 with another NATIVE_ENSEMBLE_CLUSTER_KEY was turned away.')
  t.equal(followed.code, 0, followed.stderr)
})

t.test('a rank that is taken stays with the host that has it', async (t) => {
  const port = await freePort()
  const start = (rank: number) =>
    startHost([...TRAIN, '--batch', '15', '--out', 'twice'], { rank, hosts: 3, port }, { cwd, env })
  const hosts = [start(0), start(1)]
  const place = { hosts: 3, rank: 1, coordinator: { host: LOOPBACK, port } }
  const turnedAway = async () => {
    const late = await HostFollower.join(place, Buffer.from(SECRET), 'train', null)
    await t.rejects(late.next(), { message: /Expected each rank once but received 1 twice/ })
    late.close()
  }
  await hosts[0]?.said('Host 1 came; waiting for 1 more.')
  await turnedAway()
  for (const { code, stderr } of await Promise.all([...hosts, start(2)].map(({ ended }) => ended))) {
    t.equal(code, 0, stderr)
  }
})

t.test('every socket that listens is on loopback where the hosts meet there', async (t) => {
  const hosts = await startHosts([...TRAIN, '--out', 'listening'], 2, { cwd, env })
  await hosts[0]?.said('Waiting for 1 other host')
  const seen = new Set<string>()
  const ended = endsOf(hosts)
  const watch = setInterval(() => {
    for (const { child } of hosts) for (const address of listeningOf(child.pid ?? 0)) seen.add(address)
  }, 20)
  await hosts[0]?.said('step 1/')
  clearInterval(watch)
  for (const { code, stderr } of await ended) t.equal(code, 0, stderr)
  t.same([...seen], ['0100007F'], '127.0.0.1 as the kernel prints it')
})

t.test('hosts that meet beyond this machine refuse without a key', async (t) => {
  const place = ['--hosts', '2', '--host-rank', '0', '--coordinator', '192.0.2.1:29500', '--out', 'open']
  const { code, stderr } = await runCli([...TRAIN, ...place], { cwd })
  t.equal(code, 2)
  t.match(stderr, /Expected a secret that the hosts share for NATIVE_ENSEMBLE_CLUSTER_KEY but received none/)
  t.match(stderr, /openssl rand -hex 32/)
})

t.test('of more unproven connections than it keeps, a port ends the oldest', async (t) => {
  const server = await listenGuarded(LOOPBACK, 0, { key: Buffer.from(SECRET), use: 'store', admitted: () => {} })
  const first = await knock(server.port)
  first.socket.resume()
  const others = await Promise.all(Array.from({ length: 64 }, () => knock(server.port)))
  await first.ended
  t.equal(others.filter(({ socket }) => socket.closed).length, 0)
  server.close()
  for (const { socket } of others) socket.destroy()
})

/** Addresses, as /proc/net prints them, that a process listens at. */
function listeningOf(pid: number): string[] {
  try {
    const links = readdirSync(`/proc/${pid}/fd`).map((name) => readlinkSync(`/proc/${pid}/fd/${name}`))
    const sockets = new Set(links.flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []))
    const rows = ['tcp', 'tcp6'].flatMap((file) =>
      readFileSync(`/proc/${pid}/net/${file}`, 'utf8').split('\n').slice(1),
    )
    return rows.flatMap((row) => {
      const [, local = '', , state, , , , , , inode = ''] = row.trim().split(/\s+/)
      return state === '0A' && sockets.has(inode) ? [local.split(':')[0] ?? ''] : []
    })
  } catch {
    // It ended, or closed a descriptor meanwhile.
    return []
  }
}
