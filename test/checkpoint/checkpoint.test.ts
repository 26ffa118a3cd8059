import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, copyFile, mkdir, readdir, readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { viewState } from '../../src/engine/graph/state-layout.ts'
import {
  checkpointFolder,
  checkpointsFolder,
  findCheckpoint,
  latestCheckpoint,
  listCheckpoints,
  loadCheckpoint,
  MODEL_FILE,
  STATE_FILE,
  saveCheckpoint,
} from '../../src/train/checkpoint/checkpoint.ts'
import { restoreState, snapshotState } from '../../src/train/checkpoint/state-tensors.ts'
import { checkpointAt, filledState, smallLayout } from './small-run.ts'

t.test('a run is restored bit for bit', async (t) => {
  const run = t.testdir()
  const saved = checkpointAt(1234, { step: 1200, error: 9.5 })
  const folder = await saveCheckpoint(run, saved, 2)
  t.match(folder, /checkpoints\/step-00001234$/)
  const loaded = await loadCheckpoint(folder)
  t.same(loaded.progress, saved.progress)
  const state = filledState(0)
  restoreState(smallLayout, state, loaded.tensors, folder)
  const original = filledState(1234)
  for (const tensor of smallLayout.tensors) t.same(viewState(tensor, state), viewState(tensor, original), tensor.name)
})

t.test('the last ones and the best are kept', async (t) => {
  const run = t.testdir()
  for (const step of [10, 20, 30, 40, 50]) await saveCheckpoint(run, checkpointAt(step, { step: 20, error: 8 }), 2)
  t.same(await listCheckpoints(run), [20, 40, 50])
  await saveCheckpoint(run, checkpointAt(60, { step: 60, error: 7 }), 2)
  t.same(await listCheckpoints(run), [50, 60])
  t.equal(await latestCheckpoint(run), checkpointFolder(run, 60))
  t.equal(await findCheckpoint(run, 50), checkpointFolder(run, 50))
  await t.rejects(findCheckpoint(run, 20), { name: 'UserFault', message: /one of the steps 50, 60 .* received 20/ })
  t.same(await readdir(checkpointsFolder(run)), ['step-00000050', 'step-00000060'])
})

t.test('a step saved twice holds the second', async (t) => {
  const run = t.testdir()
  await saveCheckpoint(run, checkpointAt(10), 2)
  await saveCheckpoint(run, checkpointAt(10, { step: 10, error: 5 }), 2)
  t.same((await loadCheckpoint(checkpointFolder(run, 10))).progress.best, { step: 10, error: 5 })
  t.same(await readdir(checkpointsFolder(run)), ['step-00000010'])
})

t.test('what was being written when a process ended does not count', async (t) => {
  const run = t.testdir()
  t.equal(await latestCheckpoint(run), null)
  await t.rejects(findCheckpoint(run, 'latest'), { name: 'UserFault', message: /a run with a checkpoint/ })
  await saveCheckpoint(run, checkpointAt(10), 2)
  await mkdir(join(checkpointsFolder(run), '.tmp-step-00000020'))
  await writeFile(join(checkpointsFolder(run), '.tmp-step-00000020', MODEL_FILE), 'half')
  t.equal(await latestCheckpoint(run), checkpointFolder(run, 10))
  await saveCheckpoint(run, checkpointAt(20), 2)
  t.equal((await loadCheckpoint(checkpointFolder(run, 20))).progress.step, 20)
})

t.test('a process killed at any moment leaves whole checkpoints', async (t) => {
  const script = fileURLToPath(new URL('./save-forever.js', import.meta.url))
  for (const waited of [0, 3, 11]) {
    const run = t.testdir()
    const child = spawn(process.execPath, [script, run], { stdio: ['ignore', 'pipe', 'inherit'] })
    await once(child.stdout, 'data')
    await delay(waited)
    child.kill('SIGKILL')
    await once(child, 'close')
    const steps = await listCheckpoints(run)
    t.ok(steps.length >= 1)
    for (const step of steps) {
      const { progress, tensors } = await loadCheckpoint(checkpointFolder(run, step))
      const state = filledState(0)
      restoreState(smallLayout, state, tensors, `step ${step}`)
      t.same(progress, checkpointAt(step).progress)
      t.same(snapshotState(smallLayout, state), checkpointAt(step).tensors)
    }
  }
})

t.test('files that were cut, changed or mixed are refused', async (t) => {
  const run = t.testdir()
  const fresh = async (step: number) => await saveCheckpoint(run, checkpointAt(step), 9)
  const cutModel = await fresh(1)
  await truncate(join(cutModel, MODEL_FILE), 200)
  await t.rejects(loadCheckpoint(cutModel), { name: 'UserFault', message: /model\.safetensors/ })

  const cutState = await fresh(2)
  await truncate(join(cutState, STATE_FILE), 60)
  await t.rejects(loadCheckpoint(cutState), {
    name: 'UserFault',
    message: /state\.msgpack/,
    remedy: /other steps \(1\)/,
  })

  const mixed = await fresh(3)
  await copyFile(join(await fresh(4), MODEL_FILE), join(mixed, MODEL_FILE))
  await t.rejects(loadCheckpoint(mixed), {
    name: 'UserFault',
    message: /saved with .*state\.msgpack for .*model\.safetensors/,
  })

  const newer = await fresh(5)
  const state = await readFile(join(newer, STATE_FILE))
  const version = state.indexOf('version') + 'version'.length
  state[version] = 4 // MessagePack: a small whole number is its own byte.
  await writeFile(join(newer, STATE_FILE), state)
  await t.rejects(loadCheckpoint(newer), { name: 'UserFault', message: /format version 3 .* received 4/ })

  await t.rejects(loadCheckpoint(checkpointFolder(run, 99)), { name: 'UserFault', message: /does not exist/ })
})

t.test('a folder that cannot be written is named, and nothing is lost', async (t) => {
  const run = t.testdir({ checkpoints: 'a file in the way' })
  await t.rejects(saveCheckpoint(run, checkpointAt(1), 2), { name: 'UserFault', message: /checkpoints/ })
  if (process.getuid?.() === 0) return // Root may write anywhere.
  const closed = t.testdir()
  await saveCheckpoint(closed, checkpointAt(1), 2)
  await chmod(checkpointsFolder(closed), 0o500)
  await t.rejects(saveCheckpoint(closed, checkpointAt(2), 2), { name: 'UserFault', message: /not permitted/ })
  await chmod(checkpointsFolder(closed), 0o700)
  t.same(await listCheckpoints(closed), [1])
})
