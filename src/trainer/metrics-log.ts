import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { type MetricsLine, readMetrics } from '../report/metrics.ts'
import type { RunFiles } from '../report/run-files.ts'
import { restartRecord, scalarsRecord, versionRecord } from '../report/tensorboard-event.ts'
import { tensorboardScalars } from '../report/tensorboard-scalars.ts'
import { fileErrorCode, fileFault } from '../vocabulary/file-fault.ts'

export interface ResumedAt {
  readonly step: number
  readonly evaluated: boolean
}

/** Appends what a run measures to metrics.jsonl and to a TensorBoard event file. */
export class MetricsLog {
  readonly #path: string
  readonly #metrics: number
  readonly #events: number

  /**
   * @param resumedAt step of the checkpoint that the run goes on from, and whether it is evaluated; null for a new run.
   *   Lines behind it are dropped, so that each stands in the file once
   * @throws UserFault where the files cannot be written
   */
  static async open(files: RunFiles, resumedAt: ResumedAt | null): Promise<MetricsLog> {
    try {
      if (resumedAt !== null) await dropLinesAfter(files.metrics, resumedAt)
      return new MetricsLog(files, resumedAt)
    } catch (error) {
      throw fileFault(error, 'write', files.metrics)
    }
  }

  private constructor(files: RunFiles, resumedAt: ResumedAt | null) {
    this.#path = files.metrics
    mkdirSync(files.events, { recursive: true })
    this.#metrics = openSync(files.metrics, 'a')
    const now = Date.now() / 1000
    // TensorBoard reads a folder's files in the order of the time in their names.
    const name = `events.out.tfevents.${now.toFixed(3)}.${hostname()}.${process.pid}`
    this.#events = openSync(join(files.events, name), 'a')
    writeSync(this.#events, versionRecord(now))
    if (resumedAt !== null) writeSync(this.#events, restartRecord(now, resumedAt.step + 1))
  }

  /** Both files hold the line when this returns. A number that is not finite has no JSON and stands there as null. */
  append(line: MetricsLine): void {
    try {
      writeSync(this.#metrics, `${JSON.stringify(line)}\n`)
      writeSync(this.#events, scalarsRecord(Date.now() / 1000, line.step, tensorboardScalars(line)))
    } catch (error) {
      throw fileFault(error, 'write', this.#path)
    }
  }

  close(): void {
    closeSync(this.#metrics)
    closeSync(this.#events)
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
