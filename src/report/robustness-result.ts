/** What `robustness` measured of a run: robustness.json of its folder. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { expected } from '../vocabulary/fault.ts'
import { fileErrorCode, fileFault } from '../vocabulary/file-fault.ts'

/** Far from the solution a cross entropy may be no number any more; JSON has null for it. */
const loss = z.number().nullable()
const splitSchema = z.strictObject({ error: z.number(), cross_entropy: loss })
const resultSchema = z.strictObject({
  run: z.string(),
  network: z.string(),
  method: z.string(),
  dataset: z.string(),
  step: z.int(),
  branch: z.int(),
  seed: z.int(),
  parameters: z.int(),
  images: z.strictObject({ train: z.int(), test: z.int() }),
  points: z.array(
    z.strictObject({ direction: z.int().nullable(), distance: z.number(), train: splitSchema, test: splitSchema }),
  ),
})

/** Top-1 error in percent, and cross entropy as a mean over the images. */
export type ProbedSplit = Readonly<z.infer<typeof splitSchema>>

/** The network at theta + distance v; `direction` counts the v from 0 and is null for the solution itself. */
export interface ProbedPoint {
  readonly direction: number | null
  readonly distance: number
  readonly train: ProbedSplit
  readonly test: ProbedSplit
}

export interface RobustnessResult {
  /** Run folder. */
  readonly run: string
  readonly network: string
  readonly method: string
  readonly dataset: string
  /** Of the checkpoint. */
  readonly step: number
  readonly branch: number
  /** Of the directions. */
  readonly seed: number
  /** Numbers that were moved. */
  readonly parameters: number
  /** Evaluated on. */
  readonly images: { readonly train: number; readonly test: number }
  readonly points: readonly ProbedPoint[]
}

export const ROBUSTNESS_FILE = 'robustness.json'

/** null where the run was not probed. @throws UserFault for a file that is no such result */
export async function readRobustness(runFolder: string): Promise<RobustnessResult | null> {
  const path = join(runFolder, ROBUSTNESS_FILE)
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if (fileErrorCode(error) === 'ENOENT') return null
    throw fileFault(error, 'read', path)
  }
  const checked = resultSchema.safeParse(parseJson(text))
  if (checked.success) return checked.data
  throw expected('what `native-ensemble robustness` wrote', path, text.slice(0, 40), 'Remove it, and measure again.')
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
