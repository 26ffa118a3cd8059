/** Decode threads that die in the middle of their work. */
import type { Worker } from 'node:worker_threads'
import t from 'tap'
import { InputPipeline } from '../../src/data/input/pipeline.ts'
import { SLOT_STATES } from '../../src/data/input/slot-ring.ts'
import { numberedDataset } from './small-dataset.ts'
import { filled, TRAINING, takeAll } from './take-batches.ts'

// A task of four such slots takes long enough to be hit in the middle.
const OPTIONS = { dataset: numberedDataset(24_000, 8), batch: 3000, slots: 8, decodeWorkers: 1, seed: 3 }

async function hashes(pipeline: InputPipeline): Promise<string> {
  return (await takeAll(pipeline)).map(({ hash }) => hash).join()
}

t.test('a thread killed in a task: its slots get the same bytes', async (t) => {
  const undisturbed = new InputPipeline(OPTIONS)
  t.teardown(() => undisturbed.close())

  const pipeline = new InputPipeline(OPTIONS)
  t.teardown(() => pipeline.close())
  const states = new Int32Array(pipeline.ring.states)
  // On a busy machine a task may be done before this thread looks: then the next pass is tried.
  let caught = false
  for (let epoch = 0; !caught && epoch < 50; epoch++) {
    pipeline.open({ ...TRAINING, epoch })
    const first = await pipeline.next()
    if (!first) throw new Error('no batch')
    await filled(pipeline, first.slot)
    caught = states.includes(SLOT_STATES.filling)
    const [thread] = pipeline.threads
    if (caught) await thread?.terminate()
    pipeline.release(first.slot)
    const disturbed = await hashes(pipeline)
    if (!caught) continue

    undisturbed.open({ ...TRAINING, epoch, firstBatch: 1 })
    t.equal(disturbed, await hashes(undisturbed))
    t.equal(pipeline.failure, null)
    t.equal(pipeline.threads.length, 1)
    t.not(pipeline.threads[0], thread)
  }
  t.ok(caught)
})

t.test('threads that keep dying stop the input, with the reason', async (t) => {
  const pipeline = new InputPipeline(OPTIONS)
  t.teardown(() => pipeline.close())
  pipeline.open(TRAINING)
  const killed = new Set<Worker>()
  const assassin = setInterval(() => {
    for (const thread of pipeline.threads) {
      if (!killed.has(thread)) void thread.terminate()
      killed.add(thread)
    }
  }, 1)
  t.teardown(() => clearInterval(assassin))
  await t.rejects(hashes(pipeline), /failed|died/)
  t.match(pipeline.failure, { message: /decode threads? died/ })
  await t.rejects(pipeline.next(), /died/)
})

t.test('an idle thread killed: the next pass has all its bytes', async (t) => {
  const pipeline = new InputPipeline(OPTIONS)
  t.teardown(() => pipeline.close())
  pipeline.open(TRAINING)
  const wanted = await hashes(pipeline)
  for (const thread of pipeline.threads) await thread.terminate()
  pipeline.open(TRAINING)
  t.equal(await hashes(pipeline), wanted)
})
