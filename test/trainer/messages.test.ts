/** What crosses between threads while a run goes on: numbers, words and shared memory, never a pixel. */
import { join } from 'node:path'
import { types } from 'node:util'
import { MessagePort } from 'node:worker_threads'
import t from 'tap'
import { makeConfig } from '../../src/config/make-config.ts'
import { loadDataset } from '../../src/data/datasets/load-dataset.ts'
import type { DecodeMemory, DecodeTask } from '../../src/data/input/decode-task.ts'
import { createSlotFiller } from '../../src/data/input/fill-slots.ts'
import { createSlotClaims } from '../../src/data/input/slot-claims.ts'
import { createSlotRing } from '../../src/data/input/slot-ring.ts'
import { NO_NOISE } from '../../src/data/input/training-noise.ts'
import type { FromReplica, ToReplica } from '../../src/train/replicas/messages.ts'
import { evaluateState } from '../../src/train/run/evaluate-state.ts'
import { openSession, prepareRun } from '../../src/train/run/session.ts'
import { TINY_ARCHIVE } from './run-cli.ts'

/** Characters of a message's numbers and words; a batch of 16 small images has 49,152 bytes. */
const LONGEST = 1000
t.setTimeout(60_000)

/** Memory in a message that would be copied. */
function copied(message: unknown): string[] {
  if (types.isSharedArrayBuffer(message)) return []
  if (types.isAnyArrayBuffer(message)) return ['ArrayBuffer']
  if (ArrayBuffer.isView(message)) return types.isSharedArrayBuffer(message.buffer) ? [] : [message.constructor.name]
  if (typeof message !== 'object' || message === null) return []
  return Object.values(message).flatMap(copied)
}

/** Everything that this thread posts from now on. */
function recordPosts(t: Tap): unknown[] {
  const posted: unknown[] = []
  const post = MessagePort.prototype.postMessage
  MessagePort.prototype.postMessage = function (this: MessagePort, message: unknown, ...rest) {
    posted.push(message)
    return post.call(this, message, ...rest)
  }
  t.teardown(() => {
    MessagePort.prototype.postMessage = post
  })
  return posted
}
type Tap = Pick<typeof t, 'teardown'>

t.test('training and evaluation', async (t) => {
  const settings = { network: 'resnet-8', dataset: 'cifar10', data: TINY_ARCHIVE, batch: 16, devices: 'cpu:2' }
  const config = await makeConfig(null, { ...settings, out: join(t.testdir(), 'run') })
  const prepared = await prepareRun(config)
  const posted = recordPosts(t)
  const session = await openSession(prepared)
  t.teardown(() => session.close())
  const answers: FromReplica[] = []
  for (const thread of session.replicas.threads) thread.on('message', (answer: FromReplica) => answers.push(answer))

  const { pipeline, replicas } = session
  pipeline.open({ split: 'train', epoch: 0, augment: 'standard', shuffle: 'epoch', firstBatch: 0, partial: 'drop' })
  for (let step = 0; step < 3; step++) {
    const assigned = await pipeline.next()
    if (assigned === null) throw new Error('Expected a batch')
    await replicas.run(
      'train',
      assigned.slot,
      prepared.step.program.scalars.map(() => 0.01),
    )
    pipeline.release(assigned.slot)
  }
  await evaluateState(prepared, session, 'test', { step: 3, epoch: 0, lr: 0.01 })

  const runs = posted.filter((message): message is ToReplica => isObject(message) && message['kind'] === 'run')
  t.equal(runs.length, 2 * (3 + 3), 'three steps and three batches of evaluation, to two replicas each')
  const tasks = posted.filter((message) => JSON.stringify(message)?.includes('"fills"') === true)
  t.ok(tasks.length > 0, 'tasks of the decode workers are among them')
  t.equal(answers.filter(({ kind }) => kind === 'ran').length, runs.length)
  for (const message of [...runs, ...tasks, ...answers]) {
    t.same(copied(message), [])
    t.ok(JSON.stringify(message).length < LONGEST, JSON.stringify(message))
  }
  t.same(posted.flatMap(copied), [], 'nor does anything else that was posted hold memory')
})

t.test('a decode worker answers with a word', async (t) => {
  const { train, test } = await loadDataset('cifar10', TINY_ARCHIVE)
  const ring = createSlotRing({ slots: 1, batch: 16, height: 32, width: 32, channels: 3 })
  const claims = createSlotClaims(1)
  const splits = { train, test }
  const own = { augmentation: null, views: 1 }
  const memory: DecodeMemory = { ring, splits, seed: 1, claims, noise: NO_NOISE, ...own }
  const task: DecodeTask = {
    split: 'train',
    epoch: 0,
    augment: 'standard',
    own: false,
    repeats: 1,
    order: null,
    fills: [{ slot: 0, batch: 0, first: 0, count: 16, claim: 0 }],
  }
  t.same(createSlotFiller(memory)(task), { kind: 'filled' })
  t.ok(new Uint8Array(ring.pixels).some((pixel) => pixel !== 0))
})

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
