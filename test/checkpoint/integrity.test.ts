/** Any single bit of what was written, turned over, is refused by every reader, by the file's name. */
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { Packr } from 'msgpackr'
import t from 'tap'
import { makeConfig } from '../../src/config/make-config.ts'
import {
  type Checkpoint,
  loadCheckpoint,
  MODEL_FILE,
  STATE_FILE,
  saveCheckpoint,
} from '../../src/train/checkpoint/checkpoint.ts'
import { exportBranch } from '../../src/train/checkpoint/export.ts'
import { describeModel, readDescription } from '../../src/train/checkpoint/model-description.ts'
import { decodeRunState } from '../../src/train/checkpoint/run-state.ts'
import { readSafetensorsFile } from '../../src/train/checkpoint/safetensors.ts'
import { UserFault } from '../../src/vocabulary/fault.ts'
import { checkpointAt } from './small-run.ts'

t.setTimeout(300_000)

const INPUT = { classNames: ['ant', 'bee "b"'], height: 32, width: 32, mean: [0.5, 0.4, 0.3], std: [0.2, 0.2, 0.25] }
const description = describeModel(await makeConfig(null, { network: 'resnet-8', branches: 2, out: '.' }), INPUT)

/** Flips each bit of a file in turn; what is not refused by name comes back. */
async function flipsTaken(path: string, name: string, read: () => Promise<unknown>): Promise<string[]> {
  const whole = await readFile(path)
  const taken: string[] = []
  for (let bit = 0; bit < 8 * whole.length; bit++) {
    const damaged = Buffer.from(whole)
    damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    await writeFile(path, damaged)
    const answer = await read().then(
      () => 'taken',
      (error: unknown) => (error instanceof UserFault && error.message.includes(name) ? 'refused' : String(error)),
    )
    if (answer !== 'refused') taken.push(`bit ${bit}: ${answer}`)
  }
  await writeFile(path, whole)
  return taken
}

t.test('checkpoints: weights, optimizer, progress, description', async (t) => {
  const run = t.testdir()
  const folder = await saveCheckpoint(run, { ...checkpointAt(5), description }, 9)
  t.same((await loadCheckpoint(folder)).description, description)
  for (const name of [MODEL_FILE, STATE_FILE]) {
    t.same(await flipsTaken(join(folder, name), join(folder, name), () => loadCheckpoint(folder)), [], name)
  }
  const out = join(run, 'out.safetensors')
  const model = join(folder, MODEL_FILE)
  const bytes = await readFile(model)
  await writeFile(model, Buffer.concat([bytes.subarray(0, -1), Buffer.from([0x40])]))
  await t.rejects(exportBranch(folder, 0, out), {
    name: 'UserFault',
    message: /model\.safetensors.*bytes have changed/,
  })
  await t.rejects(readFile(out), { code: 'ENOENT' }, 'nothing was written')
})

t.test('exports, with what PyTorch passes over', async (t) => {
  const run = t.testdir()
  const folder = await saveCheckpoint(run, { ...checkpointAt(5), description }, 9)
  const out = join(run, 'branch.safetensors')
  await exportBranch(folder, 1, out)
  const { metadata } = await readSafetensorsFile(out)
  t.match(metadata, {
    format: 'pt',
    classes: '["ant","bee \\"b\\""]',
    image_size: '[32,32]',
    mean: '[0.5,0.4,0.3]',
    std: '[0.2,0.2,0.25]',
    origin: '{"method":"one","branch":1,"step":5}',
  })
  t.match(readDescription(metadata, out)?.architecture, { network: 'resnet-8', method: 'vanilla', branches: 1 })
  t.same(await flipsTaken(out, out, () => readSafetensorsFile(out)), [])
})

t.test('a damaged checkpoint is told with the others that there are', async (t) => {
  const run = t.testdir()
  const folders = await Promise.all([3, 7].map((step) => saveCheckpoint(run, checkpointAt(step), 9)))
  const [first = '', last = ''] = folders
  await writeFile(join(last, MODEL_FILE), (await readFile(join(last, MODEL_FILE))).subarray(0, 300))
  await t.rejects(loadCheckpoint(last), {
    message: /model\.safetensors/,
    remedy: /other steps \(3\).*move .*step-00000007 away/s,
  })
  await rm(first, { recursive: true })
  await t.rejects(loadCheckpoint(last), { message: /model/, remedy: /no other checkpoint .* from a copy/ })
})

/** A state of the time when momentum was the only one, and by the parameter's name. */
function momentumOnly({ progress, tensors }: Checkpoint) {
  const momentum = [...tensors.optimizer].map(([name, data]) => [
    name.replace('momentum.', ''),
    Buffer.from(data.buffer),
  ])
  return { progress, momentum: Object.fromEntries(momentum) }
}

t.test('state of version 2, with its checksum, is read', async (t) => {
  const checkpoint = checkpointAt(5)
  const folder = await saveCheckpoint(t.testdir(), checkpoint, 9)
  const path = join(folder, STATE_FILE)
  const { modelChecksum } = decodeRunState(await readFile(path), path)
  const packr = new Packr({ useRecords: false })
  const state = packr.pack({ ...momentumOnly(checkpoint), modelChecksum })
  const sealed = (checksum: number) => {
    // Its head, byte for byte: a map of version, checksum (uint32) and state (bin32).
    const head = Buffer.from('83a776657273696f6e02a8636865636b73756dce00000000a57374617465c600000000', 'hex')
    head.writeUInt32BE(checksum, 20)
    head.writeUInt32BE(state.length, 31)
    return Buffer.concat([head, state])
  }
  await writeFile(path, sealed(crc32(state)))
  t.same((await loadCheckpoint(folder)).tensors.optimizer, checkpoint.tensors.optimizer)
  await writeFile(path, sealed((crc32(state) ^ 1) >>> 0))
  await t.rejects(loadCheckpoint(folder), { message: /CRC-32/ })
})

t.test('state of version 1 is read, its momentum unchecked, its weights checked as then', async (t) => {
  // The same MessagePack with its version as a member and the CRC-32 of the whole model.safetensors.
  const checkpoint = checkpointAt(5)
  const folder = await saveCheckpoint(t.testdir(), checkpoint, 9)
  const model = await readFile(join(folder, MODEL_FILE))
  const old = { version: 1, ...momentumOnly(checkpoint), modelChecksum: crc32(model) }
  await writeFile(join(folder, STATE_FILE), new Packr({ useRecords: false }).pack(old))
  t.same((await loadCheckpoint(folder)).tensors.optimizer, checkpoint.tensors.optimizer)
  await writeFile(join(folder, STATE_FILE), new Packr({ useRecords: false }).pack({ ...old, modelChecksum: 1 }))
  await t.rejects(loadCheckpoint(folder), { message: /the weights that were saved with/ })
})

t.test('any reader of MessagePack opens the state', async (t) => {
  const folder = await saveCheckpoint(t.testdir(), checkpointAt(5), 9)
  const bytes = await readFile(join(folder, STATE_FILE))
  const reader = new Packr({ useRecords: false, mapsAsObjects: true })
  const envelope = reader.unpack(bytes)
  t.match(envelope, { version: 3 })
  t.match(reader.unpack(envelope.state), { progress: { step: 5 } })
  t.equal(decodeRunState(bytes, 'state').progress.step, 5)
})
