/** What a run's folder tells of its run, at any time, for its report and for `watch`. */
import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { expected } from '../vocabulary/fault.ts'
import { fileErrorCode, fileFault } from '../vocabulary/file-fault.ts'
import { type ClassCounts, classCountsSchema } from './class-counts.ts'
import type { MetricsLine } from './metrics.ts'
import { runFiles } from './run-files.ts'

/** A JSON object as it is in the file. */
export type LooseSettings = Readonly<Record<string, unknown>>

/** length.json: how long the run is to be. */
const runLengthSchema = z.object({
  steps: z.number().int().positive(),
  epochs: z.number().int().positive(),
  steps_per_epoch: z.number().int().positive(),
})
export type RunLength = z.infer<typeof runLengthSchema>

/** samples.json: what is on the picture of the first batch, row by row. */
const sampleLabelsSchema = z.object({ columns: z.number().int().positive(), labels: z.array(z.string()) })
export type SampleLabels = z.infer<typeof sampleLabelsSchema>

export interface RunView {
  readonly folder: string
  /** config.json; empty where there is none. */
  readonly config: LooseSettings
  readonly machine: LooseSettings
  readonly lines: readonly MetricsLine[]
  /** null here and below: the file is not there (yet), or of before there was one. */
  readonly length: RunLength | null
  readonly classes: ClassCounts | null
  readonly sampleLabels: SampleLabels | null
}

/**
 * @param lines of its metrics
 * @throws UserFault for a file that cannot be read or is not one of ours
 */
export async function readRunView(folder: string, lines: readonly MetricsLine[]): Promise<RunView> {
  const files = runFiles(folder)
  return {
    folder,
    lines,
    config: (await readJson(files.config, looseSchema)) ?? {},
    machine: (await readJson(files.machine, looseSchema)) ?? {},
    length: await readJson(files.length, runLengthSchema),
    classes: await readJson(files.classes, classCountsSchema),
    sampleLabels: await readJson(files.sampleLabels, sampleLabelsSchema),
  }
}

const looseSchema = z.record(z.string(), z.unknown())

async function readJson<Value>(path: string, schema: z.ZodType<Value>): Promise<Value | null> {
  const bytes = await readOptional(path)
  if (bytes === null) return null
  let value: unknown
  try {
    value = JSON.parse(Buffer.from(bytes).toString())
  } catch {
    value = undefined
  }
  const read = schema.safeParse(value)
  if (read.success) return read.data
  const what = value === undefined ? 'a JSON object' : 'what a run writes there'
  throw expected(what, path, 'something else', 'Take the file from a copy, or remove it.')
}

/** null where there is no such file. @throws UserFault where it cannot be read */
export async function readOptional(path: string): Promise<Uint8Array | null> {
  try {
    return await readFile(path)
  } catch (error) {
    if (fileErrorCode(error) === 'ENOENT') return null
    throw fileFault(error, 'read', path)
  }
}

/** null where nothing tells it yet. */
export function stepsPerEpoch({ length, lines }: Pick<RunView, 'length' | 'lines'>): number | null {
  if (length !== null) return length.steps_per_epoch
  const epoch = lines.find((line) => line.kind === 'epoch')
  return epoch === undefined ? null : epoch.step / (epoch.epoch + 1)
}
