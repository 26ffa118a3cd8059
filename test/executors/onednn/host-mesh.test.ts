/** Gradients and statistics summed over hosts: here three of them in one process, each with links and memory of its own. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { HostMesh, type HostMeshLink } from '../../../src/executors/onednn/host-mesh.ts'
import { onednnExecutor } from '../../../src/executors/onednn/onednn-executor.ts'
import { captureTrainingStep } from '../../../src/step/training-program.ts'
import type { OneDnnAnswer, OneDnnTask } from '../../support/onednn-thread.ts'
import { drawnState, smallBatch, smallOne, tensorsOf } from '../../support/small-steps.ts'

const [HOSTS, RUNS] = [3, 2]
const TOKEN = '0123456789abcdef'
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
  const thread = new Worker(new URL('../../support/onednn-thread.js', import.meta.url), { workerData: task })
  const [answer]: OneDnnAnswer[] = await once(thread, 'message')
  await thread.terminate()
  if (answer === undefined) throw new Error('Expected an answer of a thread')
  return answer
}

function memoryFor(replicas: number, hosts: HostMeshLink | null) {
  const exchange = new SharedArrayBuffer(onednnExecutor({ hosts }).exchangeBytes([program], layout, replicas))
  return { state: drawnState(step), exchange }
}

/** The links of all hosts, connected: from the last rank on, as each calls those below it. */
function openMeshes(hosts: number, patience: number): HostMesh[] {
  const meshes = Array.from({ length: hosts }, (_, rank) => new HostMesh(rank, hosts, patience))
  const addresses = meshes.map(({ port }) => ({ host: '127.0.0.1', port }))
  for (const mesh of meshes.toReversed()) mesh.connect(addresses, TOKEN)
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
  const meshes = openMeshes(HOSTS, 60_000)
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
  const [mesh, silent] = openMeshes(2, 1500)
  if (mesh === undefined || silent === undefined) throw new Error('Expected two hosts')
  const [place, memory] = [{ replica: 0, replicas: 1, cores: [0] }, memoryFor(1, mesh.link)]
  const answer = await answerOf({ program, layout, memory, place, inputs: share(0), hosts: mesh.link, runs: 1 })
  t.match(answer, { kind: 'failed', name: 'UserFault', message: /Expected host 1 to finish the step within 1 s/ })
  t.equal(silent.link.hosts, 2)
})

t.test('what knocks without the token is turned away; a host that never connects is named', async (t) => {
  const mesh = new HostMesh(0, 2, 1000)
  const stranger = connect(mesh.port, '127.0.0.1')
  await once(stranger, 'connect')
  stranger.on('error', () => undefined)
  stranger.write(Buffer.alloc(16, 7))
  const ended = once(stranger, 'close')
  stranger.resume()
  const addresses = [0, 1].map(() => ({ host: '127.0.0.1', port: mesh.port }))
  t.throws(() => mesh.connect(addresses, TOKEN), { name: 'UserFault', message: /Expected host 1 to connect/ })
  await ended
  t.throws(() => new HostMesh(2, 2, 1000), { message: /a rank below the number of hosts/ })
})
