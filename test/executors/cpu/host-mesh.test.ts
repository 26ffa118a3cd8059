/** Gradients and statistics summed over hosts: here three of them in one process, each with links and memory of its own. */
import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { cpuExecutor } from '../../../src/engine/executors/cpu/cpu-executor.ts'
import { HostMesh, type HostMeshLink } from '../../../src/engine/executors/cpu/host-mesh.ts'
import { captureTrainingStep } from '../../../src/engine/step/training-program.ts'
import type { OneDnnAnswer, OneDnnTask } from '../../support/cpu-thread.ts'
import { drawnState, smallBatch, smallOne, tensorsOf } from '../../support/small-steps.ts'

const [HOSTS, RUNS] = [3, 2]
const KEY = Buffer.from('a secret of this test')
const LOOPBACK = '127.0.0.1'
t.setTimeout(120_000)

const specification = smallOne({ batch: 4 })
const step = captureTrainingStep(specification, { gradients: true })
const { program, layout } = step
const scalars = Float32Array.of(0.1, 0.6)
const whole = smallBatch({ ...specification, batch: HOSTS * 4 })
const share = (rank: number) => ({
  images: whole.images.slice((rank * whole.images.length) / HOSTS, ((rank + 1) * whole.images.length) / HOSTS),
  labels: whole.labels.slice(4 * rank, 4 * (rank + 1)),
  scalars,
})

async function answerOf(task: OneDnnTask): Promise<OneDnnAnswer> {
  const thread = new Worker(new URL('../../support/cpu-thread.js', import.meta.url), { workerData: task })
  const [answer]: OneDnnAnswer[] = await once(thread, 'message')
  await thread.terminate()
  if (answer === undefined) throw new Error('Expected an answer of a thread')
  return answer
}

function memoryFor(replicas: number, hosts: HostMeshLink | null) {
  const exchange = new SharedArrayBuffer(cpuExecutor({ hosts }).exchangeBytes([program], layout, replicas))
  return { state: drawnState(step), exchange }
}

/** The links of all hosts, connected. */
async function openMeshes(hosts: number, patience: number): Promise<HostMesh[]> {
  const meshes = Array.from({ length: hosts }, (_, rank) => new HostMesh(rank, hosts, patience, LOOPBACK))
  const addresses = meshes.map(({ port }) => ({ host: LOOPBACK, port }))
  await Promise.all(meshes.map((mesh) => mesh.connect(addresses, KEY)))
  return meshes
}

t.test('three hosts compute the bits of one host with three replicas, in every step', async (t) => {
  const shared = memoryFor(HOSTS, null)
  const alone = await Promise.all(
    Array.from({ length: HOSTS }, (_, replica) => {
      const place = { replica, replicas: HOSTS, cores: [0] }
      return answerOf({ program, layout, memory: shared, place, inputs: share(replica), hosts: null, runs: RUNS })
    }),
  )
  const meshes = await openMeshes(HOSTS, 60_000)
  const memories = meshes.map(({ link }) => memoryFor(1, link))
  const together = await Promise.all(
    meshes.map(({ link }, rank) => {
      const [memory, place] = [memories[rank] ?? shared, { replica: 0, replicas: 1, cores: [0] }]
      return answerOf({ program, layout, memory, place, inputs: share(rank), hosts: link, runs: RUNS })
    }),
  )
  t.same(together, alone, 'outputs: losses, and the mean gradient of each weight')
  const wanted = tensorsOf(layout, shared.state)
  for (const { state } of memories) t.same(tensorsOf(layout, state), wanted, 'weights, momentum, running averages')
})

t.test('a host that does not come to the sum is told within the time-out, as no fault of ours', async (t) => {
  const [mesh, silent] = await openMeshes(2, 1500)
  if (mesh === undefined || silent === undefined) throw new Error('Expected two hosts')
  const [place, memory] = [{ replica: 0, replicas: 1, cores: [0] }, memoryFor(1, mesh.link)]
  const answer = await answerOf({ program, layout, memory, place, inputs: share(0), hosts: mesh.link, runs: 1 })
  t.match(answer, { kind: 'failed', name: 'UserFault', message: /Expected host 1 to finish the step within 1 s/ })
  t.equal(silent.link.hosts, 2)
})

/** A connection to a mesh that is being connected, and what it reads first: the listener's nonce behind 8 bytes. */
async function knock(port: number): Promise<{ socket: Socket; nonce: Buffer; ended: Promise<unknown> }> {
  const socket = connect(port, LOOPBACK)
  socket.on('error', () => undefined)
  const ended = once(socket, 'close')
  const [greeting]: Buffer[] = await once(socket, 'data')
  return { socket, nonce: greeting?.subarray(8) ?? Buffer.alloc(0), ended }
}

const proofFor = (nonce: Buffer, key: Buffer, own: Buffer) =>
  createHmac('sha256', key).update('connector\0gradients\0').update(nonce).update(own).digest()

t.test('what knocks without the key is turned away; a host that never connects is named', async (t) => {
  const mesh = new HostMesh(0, 2, 4000, LOOPBACK)
  const addresses = [0, 1].map(() => ({ host: LOOPBACK, port: mesh.port }))
  const refused = t.rejects(mesh.connect(addresses, KEY), { name: 'UserFault', message: /Expected host 1 to connect/ })
  const [guess, own] = [await knock(mesh.port), Buffer.alloc(32, 7)]
  guess.socket.write(Buffer.concat([own, proofFor(guess.nonce, Buffer.from('a wrong secret'), own)]))
  await guess.ended
  // The key alone is no host: a rank that is its own, or of another number of hosts.
  for (const introduction of [
    [0, 2],
    [1, 3],
  ]) {
    const wrong = await knock(mesh.port)
    wrong.socket.write(Buffer.concat([own, proofFor(wrong.nonce, KEY, own)]))
    await once(wrong.socket, 'data')
    wrong.socket.write(Buffer.from(Uint32Array.from(introduction).buffer))
    await wrong.ended
  }
  await refused
  t.throws(() => new HostMesh(2, 2, 1000, LOOPBACK), { message: /a rank below the number of hosts/ })
})

t.test('idle connections, however many, keep no host out', async (t) => {
  const meshes = [0, 1].map((rank) => new HostMesh(rank, 2, 60_000, LOOPBACK))
  const addresses = meshes.map(({ port }) => ({ host: LOOPBACK, port }))
  const leading = meshes[0]?.connect(addresses, KEY)
  const strangers = await Promise.all(Array.from({ length: 100 }, () => knock(addresses[0]?.port ?? 0)))
  await Promise.all([leading, meshes[1]?.connect(addresses, KEY)])
  for (const { socket } of strangers) socket.destroy()
  t.equal(meshes.length, 2)
})

t.test('a wait that is given up ends soon', async (t) => {
  const mesh = new HostMesh(0, 2, 3_600_000, '')
  const addresses = [0, 1].map(() => ({ host: LOOPBACK, port: mesh.port }))
  const waiting = t.rejects(mesh.connect(addresses, KEY), { name: 'UserFault' })
  mesh.giveUp()
  await waiting
})
