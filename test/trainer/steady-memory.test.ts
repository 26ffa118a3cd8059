/** The step loop allocates nothing that stays. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { cifarRecords } from '../datasets/write-archives.ts'
import { startCli, TRAIN_TINY } from './run-cli.ts'

const STEPS = 520
const [FROM, TO] = [100, 500]
const BATCH = 16
/**
 * Measured: 1 to 4 MiB over these 400 steps, most of it in the first half, while V8 compiles. The bound is 20 KiB a
 * step, less than half of a batch's pixels.
 */
const MOST_GROWTH = 8 * 2 ** 20
t.setTimeout(120_000)

/** Bytes of a process that lie in memory now. */
async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return 1024 * Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1])
}

for (const devices of ['cpu', 'cpu:2']) {
  t.test(`${STEPS} steps of one epoch on ${devices}`, async (t) => {
    const cwd = t.testdir()
    const data = join(cwd, 'data')
    await mkdir(data)
    // Evaluations and checkpoints lie between epochs: here there is one.
    const labels = Array.from({ length: STEPS * BATCH }, (_, image) => [image % 10])
    await writeFile(join(data, 'data_batch_1.bin'), cifarRecords(labels))
    await writeFile(join(data, 'test_batch.bin'), cifarRecords(labels.slice(0, BATCH)))

    const options = ['--data', data, '--steps', `${STEPS}`, '--devices', devices, '--out', 'run']
    const run = startCli([...TRAIN_TINY, ...options], { cwd })
    const { pid } = run.child
    if (pid === undefined) throw new Error('Expected a process')
    await run.said(`step ${FROM}/`)
    const before = await residentBytes(pid)
    await run.said(`step ${TO}/`)
    const after = await residentBytes(pid)
    t.ok(before > 0)
    t.ok(after - before < MOST_GROWTH, `${(after - before) / 1024} KiB more after ${TO - FROM} steps`)
    t.equal((await run.ended).code, 0)
  })
}
