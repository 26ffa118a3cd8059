/**
 * One process at a time works in a folder. A file in it is locked in the kernel and names its holder; the holder touches it
 * every few seconds, for those whom the kernel's lock does not reach. docs/reliability.md says what holds where.
 */
import { randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, open, readFile, readlink, rm, stat } from 'node:fs/promises'
import { relative } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { expected, type UserFault } from '../fault.ts'
import { fileErrorCode, fileFault } from '../file-fault.ts'
import { type KernelLock, takeKernelLock } from './kernel-lock.ts'
import { describeHolder, holderState, type LockHolder, ownHolder, parseHolder, printHolder } from './lock-holder.ts'

const READ_TRIES = 5
const READ_PAUSE_MS = 50

/** How long each part takes, and what takes the kernel's lock; tests give others. */
export interface LockSettings {
  /** Between two touches by the holder. */
  readonly beatMs: number
  /** How long a lock is watched before its holder is taken as ended: several beats, as a busy one may be late. */
  readonly watchMs: number
  /** Without a lock of the kernel: until what we wrote counts as not written over. */
  readonly settleMs: number
  readonly kernelLock: (fd: number) => Promise<KernelLock>
}

const SETTINGS: LockSettings = { beatMs: 5000, watchMs: 30_000, settleMs: 500, kernelLock: takeKernelLock }

/** What is locked, and how messages speak of it. */
export interface LockedFolder {
  readonly folder: string
  /** The lock's file, in the folder or below. */
  readonly path: string
  /** Such as `run`. */
  readonly kind: string
  /** The command that goes on with what is in the folder, wherever that is now. */
  readonly goOn: (folder: string) => string
}

/** The lock while it is held. */
export interface FolderLock {
  /** Aborted when the folder is moved or deleted, or another process has it: nothing must be written any more. */
  readonly lost: AbortSignal
  /** @throws UserFault that says how it was lost */
  check(): Promise<void>
  /** Gives it back; a lock that was lost stays with whoever has it. */
  release(): Promise<void>
}

export interface LockHooks {
  /** Told of what takes time, and of a lock that is taken over. */
  readonly note: (words: string) => void
  /** Ends the watching of another process's lock. */
  readonly stop: AbortSignal
}

/** Stopped while it watched another process's lock; the folder is as it was. */
export class LockWaitStopped extends Error {
  override readonly name = 'LockWaitStopped'
}

/** Does `work` while no other process can lock the folder. @throws as takeLock, and what `work` throws */
export async function whileLocked<Result>(
  target: LockedFolder,
  hooks: LockHooks,
  work: (lock: FolderLock) => Promise<Result>,
  settings = SETTINGS,
): Promise<Result> {
  const held = await takeLock(target, hooks, settings)
  try {
    return await work(held)
  } finally {
    await held.release()
  }
}

/**
 * Locks a folder that exists. The lock of a process that ended without giving it back is taken over.
 * @throws UserFault that names the process that holds the lock, or where it cannot be written; LockWaitStopped
 */
export async function takeLock(target: LockedFolder, hooks: LockHooks, settings = SETTINGS): Promise<FolderLock> {
  for (;;) {
    const file = await open(target.path, constants.O_RDWR | constants.O_CREAT, 0o666).catch((error: unknown) => {
      throw fileFault(error, 'write the lock', target.path)
    })
    try {
      const own = await claim(target, file, hooks, settings)
      if (own !== null) return new HeldLock(target, file, own, settings.beatMs)
    } catch (error) {
      await file.close()
      throw error
    }
    // Given back by its holder between our opening and locking it.
    await file.close()
  }
}

/**
 * Makes an open lock our own.
 * @returns null where the file is no longer the one of that name
 * @throws UserFault where another process holds it, or it cannot be written (it is free again then)
 */
async function claim(
  target: LockedFolder,
  file: FileHandle,
  hooks: LockHooks,
  settings: LockSettings,
): Promise<LockHolder | null> {
  const { path, kind } = target
  const { dev, ino } = await file.stat()
  const own = await ownHolder(`${dev}`, randomUUID())
  const kernel = await settings.kernelLock(file.fd)
  const text = await readLock(path, kernel === 'held' ? READ_TRIES : 1)
  if (text === null) return null
  const holder = parseHolder(text)
  if (kernel === 'held') throw heldBy(target, holder, own)
  const named = await stat(path).catch(() => null)
  if (named?.ino !== ino || named.dev !== dev) return null
  if (text !== '' && !(await hasEnded(target, holder, own, kernel, hooks, settings))) {
    throw heldBy(target, holder, own)
  }
  await write(path, file, own, kernel)
  if (kernel === 'unsupported') {
    await pause(settings.settleMs)
    const now = await readFile(path, 'utf8').catch(() => '')
    if (now !== printHolder(own)) throw heldBy(target, parseHolder(now), own)
  }
  if (text !== '') {
    hooks.note(`${describeHolder(holder, own)} left the ${kind} without ending it: its lock is taken over`)
  }
  return own
}

/** null where it is gone. One that was just taken may not have its content yet. */
async function readLock(path: string, tries: number): Promise<string | null> {
  for (let left = tries; ; left--) {
    const text = await readFile(path, 'utf8').catch(() => null)
    if (text !== '' || left === 1) return text
    await pause(READ_PAUSE_MS)
  }
}

/** Whether the holder that a lock names is no more; where nothing tells, it is watched for touches. */
async function hasEnded(
  { path, kind }: LockedFolder,
  holder: LockHolder | null,
  own: LockHolder,
  kernel: KernelLock,
  { note, stop }: LockHooks,
  { watchMs, beatMs }: LockSettings,
): Promise<boolean> {
  if (holder !== null) {
    const state = await holderState(holder, own)
    if (state !== 'unknown') return state === 'ended'
    // In one kernel and one file system the kernel would hold the lock for it.
    if (kernel === 'taken' && holder.boot === own.boot && holder.device === own.device) return true
  }
  const seconds = Math.round(watchMs / 1000)
  const by = describeHolder(holder, own)
  note(`the ${kind} has the lock of ${by}: watching for ${seconds} s whether that still works`)
  const before = await touched(path)
  for (const end = performance.now() + watchMs; performance.now() < end; ) {
    if (stop.aborted) throw new LockWaitStopped()
    await pause(Math.min(beatMs, 1000))
    // By the change alone: the clocks of two hosts may differ.
    if ((await touched(path)) !== before) return false
  }
  return true
}

/** Opened anew: NFS asks its server for the times of a file when it is opened. */
async function touched(path: string): Promise<number> {
  try {
    const file = await open(path, 'r')
    try {
      return (await file.stat()).mtimeMs
    } finally {
      await file.close()
    }
  } catch (error) {
    throw fileFault(error, 'read the lock', path)
  }
}

async function write(path: string, file: FileHandle, own: LockHolder, kernel: KernelLock): Promise<void> {
  try {
    await file.truncate(0)
    await file.write(printHolder(own), 0)
    await file.datasync()
  } catch (error) {
    // Who holds the kernel's lock may delete it; without one, an empty lock is free as well.
    if (kernel === 'taken') await rm(path, { force: true }).catch(() => undefined)
    throw fileFault(error, 'write the lock', path)
  }
}

function heldBy(target: LockedFolder, holder: LockHolder | null, own: LockHolder): UserFault {
  const near = holder !== null && holder.boot === own.boot && holder.namespace === own.namespace
  const remedy = near ? `Wait for it, or end it: kill -INT ${holder.pid}` : 'Wait for it, or end it there.'
  return expected(workedAlone(target), target.path, `the lock of ${describeHolder(holder, own)}`, remedy)
}

const workedAlone = ({ kind }: LockedFolder) => `a ${kind} that no other process works on`

class HeldLock implements FolderLock {
  readonly #target: LockedFolder
  readonly #file: FileHandle
  readonly #own: LockHolder
  readonly #lost = new AbortController()
  readonly #beats: NodeJS.Timeout

  constructor(target: LockedFolder, file: FileHandle, own: LockHolder, beatMs: number) {
    this.#target = target
    this.#file = file
    this.#own = own
    this.#beats = setInterval(() => void this.#beat(), beatMs)
    this.#beats.unref()
  }

  get lost(): AbortSignal {
    return this.#lost.signal
  }

  async check(): Promise<void> {
    if (!this.#lost.signal.aborted) {
      const fault = await this.#howLost()
      if (fault !== null) this.#lost.abort(fault)
    }
    this.#lost.signal.throwIfAborted()
  }

  async release(): Promise<void> {
    clearInterval(this.#beats)
    // Deleted while it is locked: whoever opened it before sees that it is no longer the file of that name.
    if ((await this.#howLost()) === null) await rm(this.#target.path, { force: true }).catch(() => undefined)
    await this.#file.close().catch(() => undefined)
  }

  async #beat(): Promise<void> {
    const now = new Date()
    // Of a file system that does not answer for a moment nothing follows.
    await this.#file.utimes(now, now).catch(() => undefined)
    await this.check().catch(() => clearInterval(this.#beats))
  }

  /** null where the lock is ours, or cannot be read at the moment. */
  async #howLost(): Promise<UserFault | null> {
    const { path } = this.#target
    try {
      const text = await readFile(path, 'utf8')
      if (text === printHolder(this.#own)) return null
      const by = describeHolder(parseHolder(text), this.#own)
      const remedy =
        'It took over while this process did not answer (stopped, or a host that slept): leave it the work.'
      return expected(workedAlone(this.#target), path, `the lock of ${by}`, remedy)
    } catch (error) {
      const code = fileErrorCode(error)
      return code === 'ENOENT' || code === 'ENOTDIR' ? await this.#howMoved() : null
    }
  }

  async #howMoved(): Promise<UserFault> {
    const { folder, path, kind, goOn } = this.#target
    const what = 'a folder that stays in its place'
    const now = await readlink(`/proc/self/fd/${this.#file.fd}`).catch(() => '')
    const below = `/${relative(folder, path)}`
    if (now.endsWith(below)) {
      const moved = now.slice(0, -below.length)
      return expected(what, `the ${kind}`, `${folder}, moved to ${moved}`, `Go on there: ${goOn(moved)}`)
    }
    const there = await stat(folder).then(
      () => true,
      () => false,
    )
    if (!there) return expected(what, `the ${kind}`, `${folder}, deleted`, 'Begin anew, in another folder.')
    return expected('a lock that stays while it is held', path, 'one that was deleted', `Go on: ${goOn(folder)}`)
  }
}
