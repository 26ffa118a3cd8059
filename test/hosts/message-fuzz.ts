/** Damaged messages for every port of a run on several hosts, from strangers and from holders of the key. */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { Packr } from 'msgpackr'
import { mutate } from '../../bench/fuzz/mutate.ts'
import { FollowerLink } from '../../src/train/hosts/follower-link.ts'
import { listenGuarded } from '../../src/train/hosts/guarded-server.ts'
import { admit, type HandshakeUse, introduce } from '../../src/train/hosts/handshake.ts'
import { HostFollower } from '../../src/train/hosts/host-follower.ts'
import { serveKeyValues } from '../../src/train/hosts/key-value-store.ts'
import { PROTOCOL_VERSION, type ToFollower, type ToLeader } from '../../src/train/hosts/messages.ts'
import { UserFault } from '../../src/vocabulary/fault.ts'

const LOOPBACK = '127.0.0.1'
/** Connections at a time. */
const TOGETHER = 16
/** A connection that is not ended within it is a finding, milliseconds. */
const LIMIT = 30_000

export interface FuzzResult {
  readonly name: string
  readonly mutations: number
  readonly slowestMs: number
  readonly findings: readonly string[]
}

export interface FuzzPlan {
  readonly seed: number
  readonly mutations: number
}

const packr = new Packr({ useRecords: false })

function frames(messages: readonly (ToLeader | ToFollower)[]): Buffer {
  return Buffer.concat(
    messages.flatMap((message) => {
      const body = packr.pack(message)
      const head = Buffer.alloc(4)
      head.writeUInt32LE(body.length)
      return [head, body]
    }),
  )
}

const HELLO: ToLeader = {
  kind: 'hello',
  version: PROTOCOL_VERSION,
  hosts: 2,
  rank: 1,
  command: 'train',
  settings: { '--lr': '0.1', '--batch': '16', '--network': '"resnet-8"' },
}

const TO_LEADER: readonly ToLeader[] = [
  { kind: 'alive' },
  { kind: 'listening', port: 40_000 },
  { kind: 'ready', images: '160 images of 10 classes (0123456789ab)' },
  { kind: 'ran', outputs: [[1.5, 0.25, Number.NaN, 7]] },
  { kind: 'ended', state: '0123456789abcdef' },
  { kind: 'failed', message: 'Expected something but received nothing', remedy: null },
  { kind: 'stop' },
]

const TO_FOLLOWER: readonly ToFollower[] = [
  { kind: 'begin', config: { network: 'resnet-8', batch: 16, lr: 0.1 }, token: '0123456789abcdef' },
  { kind: 'links', mesh: [{ host: '', port: 1 }], store: null },
  { kind: 'state', offset: 0, bytes: Uint8Array.from({ length: 64 }, (_, at) => at) },
  { kind: 'pass', epoch: 0, firstBatch: 0 },
  { kind: 'step', scalars: [0.1, 0.6] },
  { kind: 'fetch' },
  { kind: 'end' },
  { kind: 'finished', ended: 'finished' },
]

/** Strangers at a listening port: damaged handshakes, frames without one, and other programs' first words. */
export function fuzzHandshakes(port: number, plan: FuzzPlan): Promise<FuzzResult> {
  const guess = Buffer.alloc(64, 0xa5)
  const whole = [HELLO, ...TO_LEADER]
  const samples = [
    Buffer.concat([guess, frames(whole)]),
    frames(whole),
    frames([{ kind: 'stop' }]),
    Buffer.from('GET / HTTP/1.1\r\nHost: here\r\n\r\n'),
  ]
  return runCases('handshake', samples, plan, (bytes) => say(port, bytes, null))
}

/** Holders of the key who never say hello, at the port of a leader that waits. */
export function fuzzBeforeHello(port: number, key: Uint8Array, plan: FuzzPlan): Promise<FuzzResult> {
  const samples = [...TO_LEADER.map((message) => frames([message])), frames(TO_LEADER)]
  return runCases('before hello', samples, plan, (bytes) => say(port, bytes, { key, use: 'coordinator' }))
}

/** What a host that said hello says to the leader, in a process of ours. */
export async function fuzzToLeader(plan: FuzzPlan): Promise<FuzzResult> {
  const key = Buffer.from('a key of the fuzz test')
  const nothing = { hello: () => {}, stop: () => {}, failed: () => {} }
  const server = await listenGuarded(LOOPBACK, 0, {
    key,
    use: 'coordinator',
    admitted: (socket) => void new FollowerLink(socket, LIMIT, nothing),
  })
  const hello = frames([HELLO])
  const samples = [...TO_LEADER.map((message) => frames([message])), hello, frames(TO_LEADER)]
  const speak = (bytes: Buffer, number: number) =>
    say(server.port, number % 2 === 0 ? bytes : Buffer.concat([hello, bytes]), { key, use: 'coordinator' })
  const result = await runCases('to the leader', samples, plan, speak)
  server.close()
  return result
}

/** What a leader says to a host, in a process of ours: each word is taken, or the host ends with a fault in words. */
export async function fuzzToFollower(plan: FuzzPlan): Promise<FuzzResult> {
  const key = Buffer.from('a key of the fuzz test')
  const samples = [...TO_FOLLOWER.map((message) => frames([message])), frames(TO_FOLLOWER)]
  return await runCases('to a host', samples, plan, async (bytes) => {
    const leader = createServer((socket) => {
      socket.on('error', () => undefined)
      admit(socket, key, 'coordinator', LIMIT).then(
        () => {
          socket.resume()
          socket.end(bytes)
        },
        () => socket.destroy(),
      )
    })
    leader.listen(0, LOOPBACK)
    await once(leader, 'listening')
    const address = leader.address()
    const port = address !== null && typeof address === 'object' ? address.port : 0
    const place = { hosts: 2, rank: 1, coordinator: { host: LOOPBACK, port } }
    const follower = await HostFollower.join(place, key, 'resume', null)
    try {
      // The connection ends behind the bytes: the last word is always a fault.
      for (;;) await follower.next()
    } catch (error) {
      if (!(error instanceof UserFault)) throw error
    } finally {
      follower.close()
      leader.close()
    }
  })
}

/** Requests to the key-value store, whole handshakes before them. */
export async function fuzzStore(plan: FuzzPlan): Promise<FuzzResult> {
  const key = Buffer.from('a key of the fuzz test')
  const server = await serveKeyValues({ address: LOOPBACK, key })
  const request = (put: number, name: string, value: string) => {
    const head = Buffer.from(Uint32Array.from([put, 50, name.length, value.length]).buffer)
    return Buffer.concat([head, Buffer.from(name + value)])
  }
  const samples = [
    request(1, 'run-1/host 0', 'x'.repeat(300)),
    request(0, 'run-1/host 0', ''),
    request(0, 'absent', ''),
  ]
  const result = await runCases('key-value store', samples, plan, (bytes) =>
    say(server.port, bytes, { key, use: 'store' }),
  )
  server.close()
  return result
}

async function runCases(
  name: string,
  samples: readonly Buffer[],
  { seed, mutations }: FuzzPlan,
  speak: (bytes: Buffer, number: number) => Promise<void>,
): Promise<FuzzResult> {
  const findings: string[] = []
  let [next, slowestMs] = [0, 0]
  const work = async () => {
    for (let number = next++; number < mutations; number = next++) {
      const { kinds, bytes } = mutate(samples[number % samples.length] ?? Buffer.alloc(1), seed, number)
      const began = performance.now()
      try {
        await speak(bytes, number)
      } catch (error) {
        findings.push(`case ${number} (${kinds.join(', then ')}): ${String(error)}`)
      }
      slowestMs = Math.max(slowestMs, performance.now() - began)
    }
  }
  await Promise.all(Array.from({ length: TOGETHER }, work))
  return { name, mutations, slowestMs, findings }
}

/** Says the bytes and no more. @throws Error where the other side does not end the connection */
async function say(
  port: number,
  bytes: Buffer,
  proof: { readonly key: Uint8Array; readonly use: HandshakeUse } | null,
): Promise<void> {
  const socket = connect(port, LOOPBACK)
  socket.on('error', () => undefined)
  const ended = closed(socket)
  try {
    await once(socket, 'connect')
    if (proof !== null) await introduce(socket, proof.key, proof.use, LIMIT)
    socket.resume()
    socket.end(bytes)
    await ended
  } finally {
    socket.destroy()
  }
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`the connection was not ended within ${LIMIT} ms`)), LIMIT)
    socket.once('close', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}
