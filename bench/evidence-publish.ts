/** What of a set's runs is kept with the project: settings, machine, epochs and evaluations, and the tables made of them. */
import { readFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { DEFAULTS } from '../src/config/defaults.ts'
import { RECIPES } from '../src/config/recipes.ts'
import type { RunConfig } from '../src/config/run-config.ts'
import { compareRuns, writeComparison } from '../src/report/comparison.ts'
import { readMetrics } from '../src/report/metrics.ts'
import { robustnessFiles } from '../src/report/robustness-files.ts'
import { readRobustness } from '../src/report/robustness-result.ts'
import { runFiles } from '../src/report/run-files.ts'
import { gatherRuns } from '../src/report/run-folders.ts'
import { writeWhole } from '../src/report/write-whole.ts'
import { deploymentCost } from '../src/studies/training-cost.ts'
import { expected, UserFault } from '../src/vocabulary/fault.ts'
import { fileFault } from '../src/vocabulary/file-fault.ts'
import type { PlannedEvidence } from './evidence-plan.ts'

/** Curves of every result would be dozens of pictures: those of ONE with and without distillation are the paper's figure 2. */
const KEPT_CURVES = /^curves-.*-one-with-3-branches(-without-distillation)?-(fashion|cifar100)/

/** Settings that may hold a path of the machine that a run ran on, which is nothing to keep; they change no result. */
const WITHOUT_PATHS = { data: null, pjrtPlugin: null } as const satisfies Partial<RunConfig>

/**
 * Copies the finished runs into `folder`, those of several sets below a folder a set, and makes the tables of all runs that
 * were published there, by this call and by earlier ones, so that `native-ensemble report` on the folder makes the same again. Of a run only its settings, machine and metrics are
 * needed: it may have been made on another machine and brought without its weights.
 * @returns the files of the comparison
 * @throws UserFault where no run is finished, or a file cannot be read or written
 */
export async function publishEvidence(finished: readonly PlannedEvidence[], folder: string): Promise<string[]> {
  if (finished.length === 0) {
    throw new UserFault(
      'Expected a finished run to publish but received none',
      'Train them first: leave --publish out. Runs made elsewhere: name their folder with --runs.',
    )
  }
  const sets = new Set(finished.map(({ name }) => dirname(name)))
  for (const evidence of finished) {
    const name = `${sets.size === 1 ? basename(evidence.name) : evidence.name}${tellMeans(evidence)}`
    await copyRun(evidence.out, name, folder)
  }
  const comparison = await compareRuns(await gatherRuns([folder]), deploymentCost)
  const charts = [...comparison.charts].filter(([name]) => !name.startsWith('curves-') || KEPT_CURVES.test(name))
  return await writeComparison({ ...comparison, charts: new Map(charts) }, folder)
}

/** Runs of the same settings that were computed otherwise lie side by side. */
function tellMeans({ recipe, run }: PlannedEvidence): string {
  const { executor = 'cpu', precision } = run?.config ?? {}
  const usual = RECIPES[recipe]?.settings.precision ?? DEFAULTS.precision
  return `${executor === 'cpu' ? '' : `-${executor}`}${precision === undefined || precision === usual ? '' : `-${precision}`}`
}

async function copyRun(out: string, name: string, folder: string): Promise<void> {
  const copy = join(folder, name)
  const files = runFiles(out)
  const config = { ...(await readJson(files.config)), ...WITHOUT_PATHS, out: join('runs', name) }
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
}

async function readJson(path: string): Promise<Record<string, unknown>> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    throw fileFault(error, 'read', path)
  }
  const value = parseOrNull(text)
  if (typeof value === 'object' && value !== null) return { ...value }
  throw expected('a JSON object', path, text.slice(0, 40), 'Take the file from a copy of the run folder.')
}

function parseOrNull(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

function withoutFolder(source: unknown): unknown {
  if (typeof source !== 'object' || source === null || !('path' in source)) return source
  return { ...source, path: basename(String(source.path)) }
}

const printJson = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`
