/** What of a set's runs is kept with the project: settings, machine, epochs and evaluations, and the tables made of them. */
import { readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { compareRuns, writeComparison } from '../src/report/comparison.ts'
import { readMetrics } from '../src/report/metrics.ts'
import { robustnessFiles } from '../src/report/robustness-files.ts'
import { readRobustness } from '../src/report/robustness-result.ts'
import { runFiles } from '../src/report/run-files.ts'
import { writeWhole } from '../src/report/write-whole.ts'
import { deploymentCost } from '../src/trainer/training-cost.ts'
import { UserFault } from '../src/vocabulary/fault.ts'
import type { PlannedEvidence } from './evidence-plan.ts'

/** Curves of every result would be dozens of pictures: those of ONE with and without distillation are the paper's figure 2. */
const KEPT_CURVES = /^curves-.*-one-with-3-branches(-without-distillation)?-fashion/

/**
 * Copies the runs below `folder` and makes the tables of the copies, so that `native-ensemble report` on the folder makes
 * the same again.
 * @returns the files of the comparison
 * @throws UserFault where no run is finished, or a file cannot be read or written
 */
export async function publishEvidence(finished: readonly PlannedEvidence[], folder: string): Promise<string[]> {
  if (finished.length === 0) {
    throw new UserFault(
      'Expected a finished run to publish but received none',
      'Train them first: leave --publish out.',
    )
  }
  const copies: string[] = []
  for (const run of finished) copies.push(await copyRun(run, folder))
  const comparison = await compareRuns(copies, deploymentCost)
  const charts = [...comparison.charts].filter(([name]) => !name.startsWith('curves-') || KEPT_CURVES.test(name))
  return await writeComparison({ ...comparison, charts: new Map(charts) }, folder)
}

/** @returns folder of the copy */
async function copyRun({ recipe, seed, out }: PlannedEvidence, folder: string): Promise<string> {
  const name = `${recipe}-seed-${seed}`
  const copy = join(folder, name)
  const files = runFiles(out)
  // Folders of the machine that it ran on are nothing to keep.
  const config = { ...(await readJson(files.config)), out: join('runs', name), data: null }
  const machine = await readJson(files.machine)
  const images = Array.isArray(machine['images']) ? machine['images'].map(withoutFolder) : []
  // Single steps are left out: ten times the size, and no table or curve is made of them.
  const lines = (await readMetrics(files.metrics)).filter(({ kind }) => kind !== 'step')
  await writeWhole(copy, 'config.json', printJson(config))
  await writeWhole(copy, 'machine.json', printJson({ ...machine, images }))
  await writeWhole(copy, 'metrics.jsonl', lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
  const probed = await readRobustness(out)
  if (probed !== null) {
    for (const [file, text] of robustnessFiles({ ...probed, run: config.out })) await writeWhole(copy, file, text)
  }
  return copy
}

async function readJson(path: string): Promise<Record<string, unknown>> {
  const value: unknown = JSON.parse(await readFile(path, 'utf8'))
  return typeof value === 'object' && value !== null ? { ...value } : {}
}

function withoutFolder(source: unknown): unknown {
  if (typeof source !== 'object' || source === null || !('path' in source)) return source
  return { ...source, path: basename(String(source.path)) }
}

const printJson = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`
