import { mkdirSync } from 'node:fs'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { type MetricsLine, readMetrics } from '../../report/metrics.ts'
import type { RunFiles } from '../../report/run-files.ts'
import { restartRecord, scalarsRecord, versionRecord } from '../../report/tensorboard-event.ts'
import { tensorboardScalars } from '../../report/tensorboard-scalars.ts'
import { fileErrorCode, fileFault } from '../../vocabulary/file-fault.ts'
import { AppendedFile } from './appended-file.ts'

export interface ResumedAt {
  readonly step: number
  readonly evaluated: boolean
}

/**
 * Appends what a run measures to metrics.jsonl and to a TensorBoard event file. A full disk does not end the training: lines
 * wait in memory until there is space, and no checkpoint is written before them.
 */
export class MetricsLog {
  readonly #path: string
  readonly #metrics: AppendedFile
  readonly #events: AppendedFile
  readonly #note: (words: string) => void
  #failing = false

  /**
   * @param resumedAt step of the checkpoint that the run goes on from, and whether it is evaluated; null for a new run.
   *   Lines behind it are dropped, so that each stands in the file once
   * @param note told once where the disk takes no more, and once where it does again
   * @throws UserFault where the files cannot be written
   */
  static async open(files: RunFiles, resumedAt: ResumedAt | null, note: (words: string) => void): Promise<MetricsLog> {
    try {
      if (resumedAt !== null) await dropLinesAfter(files.metrics, resumedAt)
      return new MetricsLog(files, resumedAt, note)
    } catch (error) {
      throw fileFault(error, 'write', files.metrics)
    }
  }

  private constructor(files: RunFiles, resumedAt: ResumedAt | null, note: (words: string) => void) {
    this.#path = files.metrics
    this.#note = note
    mkdirSync(files.events, { recursive: true })
    this.#metrics = new AppendedFile(files.metrics)
    const now = Date.now() / 1000
    // TensorBoard reads a folder's files in the order of the time in their names.
    const name = `events.out.tfevents.${now.toFixed(3)}.${hostname()}.${process.pid}`
    this.#events = new AppendedFile(join(files.events, name))
    this.#tell(this.#events.append(versionRecord(now)))
    if (resumedAt !== null) this.#tell(this.#events.append(restartRecord(now, resumedAt.step + 1)))
  }

  /**
   * Both files hold the line when this returns, where the disk takes it. A number that is not finite has no JSON and stands
   * there as null.
   */
  append(line: MetricsLine): void {
    const metrics = this.#metrics.append(`${JSON.stringify(line)}\n`)
    const events = this.#events.append(scalarsRecord(Date.now() / 1000, line.step, tensorboardScalars(line)))
    this.#tell(metrics ?? events)
  }

  /** Brings the lines so far to the disk. @throws UserFault where it does not take them */
  async sync(): Promise<void> {
    try {
      await this.#metrics.sync()
    } catch (error) {
      throw fileFault(error, 'write', this.#path)
    }
  }

  close(): void {
    this.#metrics.close()
    this.#events.close()
  }

  #tell(failure: Error | null): void {
    if (this.#failing === (failure !== null)) return
    this.#failing = failure !== null
    const cause = fileFault(failure, 'write', this.#path)
    if (cause instanceof Error) {
      this.#note(`${cause.message} Training goes on; its lines wait until there is space.`)
    } else this.#note(`${this.#path} is written again.`)
  }
}

async function dropLinesAfter(path: string, { step, evaluated }: ResumedAt): Promise<void> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if (fileErrorCode(error) === 'ENOENT') return
    throw error
  }
  const isBehind = (line: MetricsLine) => line.step > step || (line.step === step && line.kind === 'eval' && !evaluated)
  const kept = (await readMetrics(path)).filter((line) => !isBehind(line))
  const shortened = kept.map((line) => `${JSON.stringify(line)}\n`).join('')
  if (shortened === text) return
  await writeFile(`${path}.tmp`, shortened)
  await rename(`${path}.tmp`, path)
}
