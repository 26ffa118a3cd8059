/**
 * `fill-disk.js <folder> <rooms> <freed rooms>`, in a mount namespace of its own: trains on a small file system that becomes full after the
 * first step, lets the run go on when there is space again, and prints a line of JSON for each room.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { latestCheckpoint, loadCheckpoint } from '../../src/train/checkpoint/checkpoint.ts'
import { readRun } from '../trainer/read-run.ts'
import { runCli, startCli, TRAIN_TINY } from '../trainer/run-cli.ts'
import type { DiskReport } from './full-disk.ts'

const STEPS = 34
const TRAIN = [...TRAIN_TINY, '--method', 'vanilla', '--steps', `${STEPS}`]
/** Enough for all that is kept. */
const MEGABYTES = 8

const [folder = '', rooms = '', freedRooms = ''] = process.argv.slice(2)
const disk = join(folder, 'disk')
const filler = join(disk, 'filler')

mkdirSync(disk)
const whole = await runCli([...TRAIN, '--out', 'roomy'], { cwd: folder })
if (whole.code !== 0) throw new Error(whole.stderr)
const numbers = await readRun(join(folder, 'roomy'), STEPS)

const listed = (text: string) => (text === '' ? [] : text.split(',').map(Number))
const tried = [
  ...listed(rooms).map((room) => ({ room, freed: false })),
  ...listed(freedRooms).map((room) => ({ room, freed: true })),
]
for (const one of tried) {
  mount(['-t', 'tmpfs', '-o', `size=${MEGABYTES}m`, 'tmpfs', disk])
  try {
    process.stdout.write(`${JSON.stringify(await trainWithRoom(one))}\n`)
  } finally {
    spawnSync('umount', ['--lazy', disk])
  }
}

async function trainWithRoom({ room, freed }: Pick<DiskReport, 'room' | 'freed'>): Promise<DiskReport> {
  const run = join(disk, 'run')
  const training = startCli([...TRAIN, '--checkpoint-steps', '4', '--out', 'run'], { cwd: disk })
  await training.said('step 1/')
  leave(room)
  if (freed) {
    await training.said('No checkpoint of step')
    rmSync(filler)
  }
  const { code, stderr } = await training.ended
  const ended = code === 0 ? 'finished' : 'with an error'
  const faults: string[] = []
  if (code !== 0 && code !== 2) faults.push(`ended with exit code ${code}: ${stderr}`)
  if (freed && (code !== 0 || !stderr.includes('Checkpoints are written again')))
    faults.push(`did not go on: ${stderr}`)
  if (room < 640 && !/full|free/.test(stderr)) faults.push(`did not say that the disk is full: ${stderr}`)
  const checkpoint = await latestCheckpoint(run)
  const newest = checkpoint === null ? null : (await loadCheckpoint(checkpoint)).progress.step
  rmSync(filler, { force: true })
  const resume = await runCli(['resume', 'run'], { cwd: disk })
  // A run that never had a checkpoint and is beyond its first epoch is to be trained anew, as it says.
  const anew = newest === null && resume.code === 2 && /train it anew/.test(resume.stderr)
  if (anew) {
    rmSync(run, { recursive: true })
    await runCli([...TRAIN, '--out', 'run'], { cwd: disk })
  } else if (resume.code !== 0) faults.push(`did not go on: ${resume.stderr}`)
  if (faults.length === 0 && !isDeepStrictEqual(await readRun(run, STEPS), numbers)) faults.push('other numbers')
  const resumed = anew ? 'trained anew' : newest === STEPS ? 'was at its end' : 'resumed'
  return { room, freed, ended, newest, resumed, fault: faults.join('; ') || null }
}

/** Fills the disk but for so many KiB. */
function leave(room: number): void {
  const { bavail, bsize } = statfsSync(disk)
  const bytes = Math.max(0, bavail * bsize - 1024 * room)
  try {
    writeFileSync(filler, Buffer.alloc(bytes))
  } catch (error) {
    // The run wrote in between: the disk is full all the same.
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error
  }
}

function mount(options: readonly string[]): void {
  const { status, stderr } = spawnSync('mount', options, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`Expected to mount a file system in memory but received ${stderr}`)
}
