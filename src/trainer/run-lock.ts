/** One process at a time works on a run: `run.lock` in its folder names it. */
import { mkdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { expected } from '../vocabulary/fault.ts'
import { fileErrorCode, fileFault } from '../vocabulary/file-fault.ts'

const holderSchema = z.strictObject({
  pid: z.number().int().positive(),
  host: z.string(),
  /** The host's boot and the process's start after it: a number of a process may be given again. Empty where not told. */
  boot: z.string(),
  started: z.string(),
})
type Holder = z.infer<typeof holderSchema>

/** A lock that was just made may not have its content yet. */
const READ_TRIES = 5
const READ_PAUSE = 50

/**
 * Does `work` while no other process can lock the run. The lock of a process that ended without giving it back is taken
 * over, and `note` told.
 * @throws UserFault that names the process that holds the lock
 */
export async function whileLocked<Result>(
  folder: string,
  note: (words: string) => void,
  work: () => Promise<Result>,
): Promise<Result> {
  const path = join(folder, 'run.lock')
  const own: Holder = { pid: process.pid, host: hostname(), boot: await bootId(), started: await startOf(process.pid) }
  if (!(await makeLock(path, own))) await takeOver(path, own, note)
  try {
    return await work()
  } finally {
    // Whoever deleted it may have made another.
    if ((await readFile(path, 'utf8').catch(() => '')) === print(own)) await rm(path, { force: true })
  }
}

const print = (holder: Holder) => `${JSON.stringify(holder)}\n`

/** @returns false where there is a lock */
async function makeLock(path: string, own: Holder): Promise<boolean> {
  try {
    await writeFile(path, print(own), { flag: 'wx' })
    return true
  } catch (error) {
    if (fileErrorCode(error) === 'EEXIST') return false
    throw fileFault(error, 'lock the run', path)
  }
}

/** Replaces the lock of a process that is no more; of several that try at once, the one that makes the guard does. */
async function takeOver(path: string, own: Holder, note: (words: string) => void): Promise<void> {
  const guard = `${path}.takeover`
  refuseAlive(path, await readHolder(path), own)
  try {
    await mkdir(guard)
  } catch (error) {
    if (fileErrorCode(error) !== 'EEXIST') throw fileFault(error, 'lock the run', guard)
    throw held(path, 'another process, which is just taking it over', `If there is none, delete ${guard}.`)
  }
  try {
    const holder = await readHolder(path)
    refuseAlive(path, holder, own)
    await rm(path, { force: true })
    if (!(await makeLock(path, own))) refuseAlive(path, await readHolder(path), own)
    if (holder !== null) note(`process ${holder.pid} left the run without ending it: its lock is taken over`)
  } finally {
    await rmdir(guard)
  }
}

function refuseAlive(path: string, holder: HolderState, own: Holder): void {
  if (holder === null) return
  if (holder.host !== own.host) {
    throw held(path, `process ${holder.pid} of host ${holder.host}`, `End it there; if it has ended, delete ${path}.`)
  }
  if (holder.alive) throw held(path, `process ${holder.pid}`, `Wait for it, or end it: kill -INT ${holder.pid}`)
}

function held(path: string, by: string, remedy: string) {
  return expected('a run that no other process works on', path, `the lock of ${by}`, remedy)
}

/** null: the lock is gone. */
type HolderState = (Holder & { readonly alive: boolean }) | null

async function readHolder(path: string): Promise<HolderState> {
  for (let attempt = 1; ; attempt++) {
    try {
      const holder = holderSchema.parse(JSON.parse(await readFile(path, 'utf8')))
      return { ...holder, alive: holder.boot === (await bootId()) && (await isRunning(holder)) }
    } catch (error) {
      if (fileErrorCode(error) === 'ENOENT') return null
      if (fileErrorCode(error) !== null) throw fileFault(error, 'read the lock of the run', path)
      if (attempt === READ_TRIES) throw held(path, 'an unknown process', `If none works on the run, delete ${path}.`)
      await new Promise((resolve) => setTimeout(resolve, READ_PAUSE))
    }
  }
}

async function isRunning({ pid, started }: Holder): Promise<boolean> {
  try {
    process.kill(pid, 0)
  } catch (error) {
    // EPERM: it is another user's.
    if (fileErrorCode(error) === 'ESRCH') return false
  }
  return (await startOf(pid)) === started
}

async function bootId(): Promise<string> {
  return await readFile('/proc/sys/kernel/random/boot_id', 'utf8').then(
    (id) => id.trim(),
    () => '',
  )
}

/** Clock ticks from the boot to the process's start: field 22 of /proc/<pid>/stat, whose second may hold anything. */
async function startOf(pid: number): Promise<string> {
  return await readFile(`/proc/${pid}/stat`, 'utf8').then(
    (text) => text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? '',
    () => '',
  )
}
