/** All runs below a folder, as their files are now. */
import { stat } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { runFiles } from '../report/run-files.ts'
import { findRunsIfAny } from '../report/run-folders.ts'
import { type RunView, readRunView } from '../report/run-view.ts'
import { MetricsFollower } from './metrics-follower.ts'
import { type RunSummary, summarise } from './run-summary.ts'

/** A lock that was not touched for so long is of a process that has ended. */
const LOCK_SECONDS = 30
/** The files are looked at no more often, however many pages ask. */
const REFRESH_MS = 500

export interface WatchedRun {
  readonly view: RunView
  readonly summary: RunSummary
}

interface Followed {
  readonly follower: MetricsFollower
  run: WatchedRun
}

export class WatchedRuns {
  readonly folder: string
  readonly #followed = new Map<string, Followed>()
  #refreshed: { readonly at: number; readonly done: Promise<void> } | null = null

  constructor(folder: string) {
    this.folder = folder
  }

  /** In the order of their names. @throws UserFault where the folder cannot be read */
  async list(): Promise<WatchedRun[]> {
    const now = performance.now()
    if (this.#refreshed === null || now - this.#refreshed.at > REFRESH_MS) {
      const before = this.#refreshed?.done.catch(() => undefined)
      this.#refreshed = { at: now, done: Promise.resolve(before).then(() => this.#refresh()) }
    }
    await this.#refreshed.done
    return [...this.#followed.values()].map(({ run }) => run)
  }

  async #refresh(): Promise<void> {
    const folders = await findRunsIfAny(this.folder)
    // The teacher that `kd` trains first is what goes on while its student has not begun.
    const teachers = await Promise.all(folders.map((folder) => findRunsIfAny(join(folder, 'teacher'))))
    const found = folders.flatMap((folder, place) => [folder, ...(teachers[place] ?? [])])
    const followed: [string, Followed][] = []
    for (const folder of found) {
      const id = relative(this.folder, folder) || '.'
      followed.push([id, await this.#follow(id, folder)])
    }
    this.#followed.clear()
    for (const [id, one] of followed) this.#followed.set(id, one)
  }

  async #follow(id: string, folder: string): Promise<Followed> {
    const before = this.#followed.get(id)
    const follower = before?.follower ?? new MetricsFollower(runFiles(folder).metrics)
    const locked = await isLocked(folder)
    const version = `${locked} ${await versionOf(folder)}`
    if (before?.run.summary.version === version) return before
    try {
      await follower.refresh()
      const view = await readRunView(folder, follower.lines)
      return { follower, run: { view, summary: summarise(id, view, locked, version) } }
    } catch (error) {
      const fault = error instanceof Error ? error.message : String(error)
      const nothing = { folder, config: {}, machine: {}, lines: [], length: null, classes: null, sampleLabels: null }
      const view = before?.run.view ?? nothing
      // Read from the beginning next time: a file may be put right.
      const anew = new MetricsFollower(runFiles(folder).metrics)
      return { follower: anew, run: { view, summary: { ...summarise(id, view, locked, version), fault } } }
    }
  }
}

async function isLocked(folder: string): Promise<boolean> {
  const touched = (await statIfAny(runFiles(folder).lock))?.mtimeMs ?? 0
  return Date.now() - touched < 1000 * LOCK_SECONDS
}

async function versionOf(folder: string): Promise<string> {
  const { config, metrics, length, classes, sampleLabels, machine } = runFiles(folder)
  const stats = await Promise.all([config, metrics, length, classes, sampleLabels, machine].map(statIfAny))
  return stats.map((one) => (one === null ? '-' : `${one.ino}.${one.size}.${one.mtimeMs}`)).join(' ')
}

async function statIfAny(path: string) {
  return await stat(path).catch(() => null)
}
