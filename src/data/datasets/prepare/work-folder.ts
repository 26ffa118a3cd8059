/**
 * The folder in which `prepare` works until all is done: `<out>.unfinished`, with the shards made so far and in `work/`
 * what is known of them. A later call with the same images and options goes on; at the end the folder is renamed.
 */
import { open, readdir, readFile, rename, rm, stat, statfs } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { expected, UserFault } from '../../../vocabulary/fault.ts'
import { fileErrorCode, fileFault } from '../../../vocabulary/file-fault.ts'
import { type FolderLock, type LockHooks, takeLock } from '../../../vocabulary/locks/folder-lock.ts'
import { makeFolder } from '../../../vocabulary/make-folder.ts'
import { writeWhole } from './pack-shard.ts'
import { readReport, type ShardJob, type ShardReport } from './shard-job.ts'

export class WorkFolder {
  readonly folder: string
  readonly #out: string
  #lock: FolderLock | null = null

  private constructor(out: string) {
    this.#out = resolve(out)
    this.folder = `${this.#out}.unfinished`
  }

  /**
   * @param plan says which images and options; another one cannot go on with what is there
   * @throws UserFault where `out` holds anything, where the folder is in use or of another plan, or cannot be written;
   *   LockWaitStopped
   */
  static async open(out: string, plan: string, hooks: LockHooks): Promise<WorkFolder> {
    await checkTarget(out)
    const work = new WorkFolder(out)
    try {
      await makeFolder(work.#inside())
    } catch (error) {
      throw fileFault(error, 'make', work.folder)
    }
    const { folder } = work
    const goOn = () => 'the same command, with the place where it is now.'
    work.#lock = await takeLock({ folder, path: work.#inside('lock'), kind: 'folder of shards', goOn }, hooks)
    try {
      await work.#adopt(plan)
      return work
    } catch (error) {
      await work.close()
      throw error
    }
  }

  rowsOf(id: string): string {
    return this.#inside(`${id}.json`)
  }

  /** What is known of a shard that was finished before; null where it was not. */
  async finished({ id }: Pick<ShardJob, 'id'>): Promise<ShardReport | null> {
    try {
      // Written by packShard, after the shard, in a folder of this plan.
      const report = readReport(await readFile(this.rowsOf(id), 'utf8'))
      if (report === null) return null
      return (await stat(join(this.folder, report.file))).size === report.bytes ? report : null
    } catch (error) {
      if (fileErrorCode(error) === 'ENOENT') return null
      throw fileFault(error, 'read', this.rowsOf(id))
    }
  }

  /** @throws UserFault where the disk has not so many bytes left */
  async needSpace(bytes: number): Promise<void> {
    const { bavail, bsize } = await statfs(this.folder)
    if (bavail * bsize >= bytes) return
    const gigabytes = (count: number) => `${(count / 1e9).toFixed(1)} GB`
    throw expected(
      `${gigabytes(bytes)} of free space`,
      dirname(this.folder),
      gigabytes(bavail * bsize),
      'Free some, choose another disk, or encode the images smaller (--short-side 256).',
    )
  }

  /** Everything is written: gives the folder its name. */
  async publish(): Promise<void> {
    await this.#lock?.check()
    try {
      await syncFolder(this.folder)
      await rename(this.folder, this.#out)
      await syncFolder(dirname(this.#out))
      await rm(join(this.#out, 'work'), { recursive: true })
    } catch (error) {
      throw fileFault(error, 'write', this.#out)
    }
  }

  /** Leaves what is done for a later call. */
  async close(): Promise<void> {
    await this.#lock?.release()
  }

  #inside(name = ''): string {
    return join(this.folder, 'work', name)
  }

  /** Holds the number of the process that works here; one that is not alive any more has left it. */
  async #adopt(plan: string): Promise<void> {
    const path = this.#inside('plan')
    const found = await readFile(path, 'utf8').catch(() => null)
    if (found === plan) return
    const others = (await readdir(this.folder)).filter((name) => name !== 'work')
    if (found !== null || others.length > 0) {
      throw new UserFault(
        `Expected the images and options that ${this.folder} was begun with but received others`,
        `Call it again as before, or remove ${basename(this.folder)} to begin anew.`,
      )
    }
    await writeWhole(path, plan)
  }
}

async function checkTarget(out: string): Promise<void> {
  try {
    if ((await readdir(out)).length > 0) {
      const remedy = 'Name another folder; native-ensemble prepare --verify <shards> checks shards that are there.'
      throw expected('a new or empty folder', 'the shards', `${out}, which is not empty`, remedy)
    }
  } catch (error) {
    if (fileErrorCode(error) === 'ENOTDIR') throw expected('a folder', 'the shards', `the file ${out}`, 'Name another.')
    if (fileErrorCode(error) !== 'ENOENT') throw fileFault(error, 'write to', out)
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
