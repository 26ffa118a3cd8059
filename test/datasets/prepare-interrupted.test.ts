import { existsSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { packShard } from '../../src/data/datasets/prepare/pack-shard.ts'
import { runPackers } from '../../src/data/datasets/prepare/packer-pool.ts'
import { printReport, readReport, type ShardJob, type ShardReport } from '../../src/data/datasets/prepare/shard-job.ts'
import { startCli } from '../trainer/run-cli.ts'
import { jpegOf } from './made-images.ts'
import { prepareCall } from './prepare-call.ts'

t.setTimeout(580_000)

const folder = t.testdir({ in: { a: {}, b: {} } })
const source = join(folder, 'in')
for (const name of ['a', 'b']) {
  for (let image = 0; image < 60; image++) {
    writeFileSync(join(source, name, `${image}.jpg`), await jpegOf(image + (name === 'a' ? 0 : 50), 400, 300))
  }
}
const COMMAND = ['prepare', source, 'out', '--shard-size', '1', '--processes', '2'] as const
const undisturbed = join(folder, 'undisturbed')
await prepareCall(source, undisturbed, { shardBytes: 1e6, processes: 2 })

/** Compares all files but the manifest, which holds the input's size too. */
function sameShards(one: string, other: string): void {
  const names = readdirSync(one).sort()
  t.same(readdirSync(other).sort(), names)
  for (const name of names.filter((file) => file !== 'manifest.json')) {
    t.ok(readFileSync(join(one, name)).equals(readFileSync(join(other, name))), name)
  }
}

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGUSR1', 75],
  ['SIGKILL', null],
] as const) {
  t.test(`${signal} at several moments, then the same command again`, async (t) => {
    const cwd = join(folder, signal)
    await mkdir(cwd)
    let interrupted = 0
    for (const delay of [0, 60, 150, 300]) {
      const { child, ended, said } = startCli(COMMAND, { cwd })
      await said('Listing')
      await new Promise((resolve) => setTimeout(resolve, delay))
      child.kill(signal)
      const result = await ended
      if (result.code === 0) break
      interrupted++
      t.equal(result.code, code)
      if (signal !== 'SIGKILL') t.match(result.stderr, /goes on from here/)
      t.notOk(existsSync(join(cwd, 'out')), 'nothing half-made under the name')
    }
    t.ok(interrupted > 0)
    if (!existsSync(join(cwd, 'out'))) t.match(await startCli(COMMAND, { cwd }).ended, { code: 0 })
    sameShards(undisturbed, join(cwd, 'out'))
    t.same(readdirSync(cwd), ['out'])
  })
}

t.test('what is done is not done again', async (t) => {
  const cwd = join(folder, 'kept')
  await mkdir(cwd)
  const half = join(source, 'b', '59.jpg')
  const whole = readFileSync(half)
  writeFileSync(half, whole.subarray(0, whole.length - 2))
  await t.rejects(prepareCall(source, join(cwd, 'out'), { shardBytes: 1e6 }), { name: 'UserFault' })
  const notes = (id: string) => join(cwd, 'out.unfinished', 'work', `${id}.json`)
  const before = readReport(readFileSync(notes('train-00000'), 'utf8'))
  if (before === null) throw new Error('Expected the notes of a shard')
  writeFileSync(notes('train-00000'), printReport({ ...before, formats: { marked: before.rows.length } }))
  const damaged = readFileSync(notes('train-00001'), 'utf8').replace('"jpeg"', '"JPEG"')
  writeFileSync(notes('train-00001'), damaged)
  t.equal(readReport(damaged), null)
  const { formats } = await prepareCall(source, join(cwd, 'out'), { shardBytes: 1e6, onBad: 'skip' })
  t.equal(formats['marked'], before.rows.length, 'the first shard was taken as it was')
  t.notOk('JPEG' in formats, 'damaged notes were not')
  writeFileSync(half, whole)
})

t.test('another source or other options do not go on', async (t) => {
  const out = join(folder, 'changing')
  const stopped = new AbortController()
  stopped.abort()
  await prepareCall(source, out, { shardBytes: 1e6 }, stopped.signal)
  const refused = {
    name: 'UserFault',
    message: /images and options that .*unfinished was begun with/,
    remedy: /remove/,
  }
  await t.rejects(prepareCall(source, out, { shardBytes: 2e6 }), refused)
  utimesSync(join(source, 'a', '0.jpg'), 1, 1)
  await t.rejects(prepareCall(source, out, { shardBytes: 1e6 }), refused)
  rmSync(`${out}.unfinished`, { recursive: true })
  await mkdir(`${out}.unfinished`)
  writeFileSync(`${out}.unfinished/mine`, 'my own')
  await t.rejects(prepareCall(source, out, { shardBytes: 1e6 }), refused)
  t.equal(readFileSync(`${out}.unfinished/mine`, 'utf8'), 'my own')
})

t.test('two at once: one proceeds', async (t) => {
  const cwd = join(folder, 'twice')
  await mkdir(cwd)
  const runs = await Promise.all([1, 2, 3].map(() => startCli(COMMAND, { cwd }).ended))
  t.same(runs.filter(({ code }) => code === 0).length, 1)
  for (const { code, stderr } of runs) {
    if (code !== 0) t.match(stderr, /the lock of process \d+|not empty/)
  }
  sameShards(undisturbed, join(cwd, 'out'))
})

function jobOf(id: string, shardFolder: string, killers: readonly number[] = []): ShardJob {
  const images = Array.from({ length: 30 }, (_, image) => {
    const file = join(source, 'a', `${image}.jpg`)
    return { name: `a/${image}.jpg`, label: 0, file, at: 0, bytes: readFileSync(file).length }
  })
  const output = { folder: shardFolder, rows: join(shardFolder, `${id}.json`) }
  return { id, images, encoding: 'original', output, careful: killers.length > 0, killers }
}

/** Processes that this one has started. */
function children(): number[] {
  return readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number)
}

t.test('a process that dies is replaced, and the shard is the same', async (t) => {
  const [calm, killed] = [join(folder, 'calm'), join(folder, 'killed')]
  await mkdir(calm)
  await mkdir(killed)
  const noProgress = { progress: () => undefined, packed: () => undefined }
  await runPackers([jobOf('x', calm)], 1, noProgress, new AbortController().signal)
  const reports: ShardReport[] = []
  let done = 0
  const before = new Set(children())
  const running = runPackers(
    [jobOf('x', killed)],
    1,
    {
      progress(images) {
        done += images
      },
      packed: (_, report) => reports.push(report),
    },
    new AbortController().signal,
  )
  const victims = children().filter((pid) => !before.has(pid))
  t.equal(victims.length, 1)
  for (const pid of victims) process.kill(pid, 'SIGKILL')
  await running
  t.equal(done, 30)
  t.same(reports[0]?.bad, [])
  t.ok(readFileSync(join(killed, 'x.shard')).equals(readFileSync(join(calm, 'x.shard'))))
})

t.test('an image that crashed the decoder is a bad image', async (t) => {
  const shardFolder = join(folder, 'crash')
  await mkdir(shardFolder)
  const { bad, rows } = await packShard(jobOf('x', shardFolder, [4]), () => undefined)
  t.same(bad, [{ name: 'a/4.jpg', reason: 'the decoder crashed on it' }])
  t.equal(rows.length, 29)
})
