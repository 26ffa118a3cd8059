/**
 * Processes that make shards beside one another. Processes, not threads: libvips' threads of one process slow each other
 * down, and an image that crashes a decoder takes only its process with it.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { withoutDebugger } from '../../../vocabulary/end-signals.ts'
import { UserFault } from '../../../vocabulary/fault.ts'
import type { FromPacker, ShardJob, ShardReport } from './shard-job.ts'

const entry = fileURLToPath(
  new URL(`../../../../workers/prepare${extname(fileURLToPath(import.meta.url))}`, import.meta.url),
)
/** Processes that may die over one shard before it is given up; an image that kills is known after three. */
const MOST_DEATHS = 100

export interface PackerHooks {
  /** More images are done; negative where a job of a process that died begins again. */
  progress(images: number, bytes: number, bad: number): void
  packed(job: ShardJob, report: ShardReport): void
}

/**
 * Does all jobs, in any order.
 * @param stop ends the processes at once; what they had finished is kept
 * @throws the first fault of a job, after the processes have ended
 */
export async function runPackers(
  jobs: readonly ShardJob[],
  processes: number,
  hooks: PackerHooks,
  stop: AbortSignal,
): Promise<void> {
  const left = [...jobs]
  const halt = new AbortController()
  const signal = AbortSignal.any([stop, halt.signal])
  const loop = async () => {
    const packer = new Packer()
    try {
      for (let job = left.shift(); job !== undefined && !signal.aborted; job = left.shift()) {
        const report = await packer.run(job, hooks, signal)
        if (report === null) return
        hooks.packed(job, report)
      }
    } catch (error) {
      halt.abort()
      throw error
    } finally {
      packer.end()
    }
  }
  const results = await Promise.allSettled(Array.from({ length: Math.min(processes, jobs.length) }, loop))
  for (const result of results) if (result.status === 'rejected') throw result.reason
}

/** One process at a time, replaced where it dies. */
class Packer {
  #child: ChildProcess | null = null

  /** null where it was stopped. */
  async run(job: ShardJob, hooks: PackerHooks, signal: AbortSignal): Promise<ShardReport | null> {
    let attempt = job
    let suspect: number | null = null
    for (let deaths = 1; ; deaths++) {
      const outcome = await this.#attempt(attempt, hooks, signal)
      if (outcome.kind === 'packed') return outcome.report
      if (signal.aborted) return null
      // First find out which image it is, then do the others. Once may have been chance (a process ended from outside).
      const again = outcome.place !== null && outcome.place === suspect
      const killers = outcome.place !== null && again ? [...attempt.killers, outcome.place] : attempt.killers
      suspect = outcome.place
      if ((attempt.careful && outcome.place === null) || deaths > MOST_DEATHS) {
        throw new Error(`A process of prepare died again and again on ${job.id} (${outcome.how})`)
      }
      attempt = { ...job, careful: true, killers }
    }
  }

  end(): void {
    this.#child?.kill('SIGKILL')
    this.#child = null
  }

  #attempt(
    job: ShardJob,
    hooks: PackerHooks,
    signal: AbortSignal,
  ): Promise<{ kind: 'packed'; report: ShardReport } | { kind: 'died'; place: number | null; how: string }> {
    const idle = this.#child?.connected === true ? this.#child : null
    const child =
      idle ?? fork(entry, { serialization: 'advanced', execArgv: [...process.execArgv, ...withoutDebugger()] })
    this.#child = child
    let place: number | null = null
    const done = { images: 0, bytes: 0, bad: 0 }
    return new Promise((resolve, reject) => {
      const settle = () => {
        child.removeAllListeners()
        signal.removeEventListener('abort', onAbort)
      }
      const onAbort = () => child.kill('SIGKILL')
      signal.addEventListener('abort', onAbort)
      child.on('message', (message: FromPacker) => {
        switch (message.kind) {
          case 'progress':
            done.images += message.images
            done.bytes += message.bytes
            done.bad += message.bad
            hooks.progress(message.images, message.bytes, message.bad)
            return
          case 'next':
            place = message.place
            return
          case 'packed':
            settle()
            resolve({ kind: 'packed', report: message.report })
            return
          case 'failed': {
            settle()
            const { remedy } = message
            if (remedy !== null) reject(new UserFault(message.message, remedy))
            else reject(Object.assign(new Error(message.message), { stack: message.stack }))
            return
          }
          default:
            message satisfies never
        }
      })
      child.on('error', (error) => {
        settle()
        this.#child = null
        reject(error)
      })
      child.on('exit', (code, killedBy) => {
        settle()
        this.#child = null
        hooks.progress(-done.images, -done.bytes, -done.bad)
        resolve({ kind: 'died', place, how: killedBy ?? `exit code ${code}` })
      })
      if (signal.aborted) onAbort()
      else child.send(job)
    })
  }
}
