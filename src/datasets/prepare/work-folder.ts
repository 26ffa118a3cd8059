/**
 * The folder in which `prepare` works until all is done: `<out>.unfinished`, with the shards made so far and in `work/`
 * what is known of them. A later call with the same images and options goes on; at the end the folder is renamed.
 */
import { mkdir, open, readdir, readFile, rename, rm, stat, statfs } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { expected, UserFault } from '../../vocabulary/fault.ts'
import { fileErrorCode, fileFault } from '../../vocabulary/file-fault.ts'
import { writeWhole } from './pack-shard.ts'
import { readReport, type ShardJob, type ShardReport } from './shard-job.ts'

export class WorkFolder {
  readonly folder: string
  readonly #out: string

  private constructor(out: string) {
    this.#out = resolve(out)
    this.folder = `${this.#out}.unfinished`
  }

  /**
   * @param plan says which images and options; another one cannot go on with what is there
   * @throws UserFault where `out` holds anything, where the folder is in use or of another plan, or cannot be written
   */
  static async open(out: string, plan: string): Promise<WorkFolder> {
    await checkTarget(out)
    const work = new WorkFolder(out)
    try {
      await mkdir(work.#inside(), { recursive: true })
    } catch (error) {
      throw fileFault(error, 'make', work.folder)
    }
    await work.#lock()
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
    await rm(this.#inside('lock'), { force: true })
  }

  #inside(name = ''): string {
    return join(this.folder, 'work', name)
  }

  /** Holds the number of the process that works here; one that is not alive any more has left it. */
  async #lock(): Promise<void> {
    const path = this.#inside('lock')
    for (let attempt = 0; attempt < 2; attempt++) {
      try {
        const handle = await open(path, 'wx')
        await handle.writeFile(String(process.pid))
        await handle.close()
        return
      } catch (error) {
        if (fileErrorCode(error) !== 'EEXIST') throw fileFault(error, 'write', path)
        const holder = Number(await readFile(path, 'utf8').catch(() => ''))
        if (isAlive(holder)) {
          const received = `one that process ${holder} works in`
          throw expected('a free folder', this.folder, received, 'Wait until it has ended, or name another folder.')
        }
        await rm(path, { force: true })
      }
    }
    throw expected('a free folder', this.folder, 'one that another process has just taken', 'Name another folder.')
  }

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

function isAlive(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid < 1 || pid === process.pid) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return fileErrorCode(error) === 'EPERM'
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
