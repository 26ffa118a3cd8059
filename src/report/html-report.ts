/** report.html: one file with the curves, the result, the settings and the machine of a run. */

import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import type { ClassifierNames } from '../engine/methods/method-definition.ts'
import { LABEL_TERM, readPartName } from '../vocabulary/classifiers.ts'
import { expected } from '../vocabulary/fault.ts'
import { fileErrorCode, fileFault } from '../vocabulary/file-fault.ts'
import { shortName } from '../vocabulary/own-definitions.ts'
import { classifierNames, methodTitle } from './classifier-names.ts'
import { errorRows } from './error-table.ts'
import { type Chart, drawChart, escapeHtml, type Series } from './line-chart.ts'
import { type EpochLine, type EvalLine, type MetricsLine, readMetrics, type StepLine } from './metrics.ts'
import { htmlPage, htmlTable, keyFigures } from './report-page.ts'
import { type RunFiles, runFiles } from './run-files.ts'

/**
 * Writes the report of a run from what its folder holds, at any time, also while the run goes on.
 * @returns path of the report
 * @throws UserFault where the folder has no metrics or cannot be written
 */
export async function writeReport(runFolder: string): Promise<string> {
  const files = runFiles(runFolder)
  const page = await composeReport(files)
  const aside = `${files.report}.tmp-${process.pid}`
  try {
    await writeFile(aside, page)
    await rename(aside, files.report)
  } catch (error) {
    await rm(aside, { force: true }).catch(() => {}) // The first error is the one to tell.
    throw fileFault(error, 'write', files.report)
  }
  return files.report
}

async function composeReport(files: RunFiles): Promise<string> {
  const lines = await readMetrics(files.metrics)
  const config = await readSettings(files.config)
  const machine = await readSettings(files.machine)
  const samples = await readOptional(files.samples)
  const steps = lines.filter((line) => line.kind === 'step')
  const epochs = lines.filter((line) => line.kind === 'epoch')
  const evaluations = lines.filter((line) => line.kind === 'eval')
  const names = classifierNames(config)
  const charts = [...errorCharts(evaluations, epochs, names), ...stepCharts(steps)]
  const sections = [
    keyFigures(summary(lines, names)),
    resultSection(evaluations, names),
    `<h2>Curves</h2>\n<div class="charts">\n${charts.map(drawChart).join('')}</div>\n`,
    sampleSection(samples),
    `<div class="tables"><div><h2>Settings</h2>\n${settingsTable(config)}</div>`,
    `<div><h2>Machine</h2>\n${settingsTable(machine)}</div></div>\n`,
  ]
  const [title, subtitle] = titles(config)
  return htmlPage(title, subtitle, sections.join(''))
}

type Settings = Readonly<Record<string, unknown>>

function titles(config: Settings): [title: string, subtitle: string] {
  const word = (name: string) => String(config[name] ?? '')
  const scale =
    config['scale'] === undefined || config['scale'] === 1 ? '' : ` (${word('scale')} of the recipe's schedule)`
  const length = config['steps'] === null ? `${word('epochs')} epochs` : `${word('steps')} steps`
  return [
    `${shortName(word('network'))}, ${methodTitle(config)}, on ${shortName(word('dataset'))}`,
    `${length}${scale}, batch ${word('batch')}, ${word('precision')} on ${word('executor')} ${word('devices')}, seed ${word('seed')}`,
  ]
}

function summary(lines: readonly MetricsLine[], names: ClassifierNames): [string, string][] {
  const last = lines.filter((line) => line.kind === 'eval' && line.split === 'test').at(-1)
  const epochs = lines.filter((line) => line.kind === 'epoch')
  const figures: [string, string][] = []
  if (last?.kind === 'eval') {
    const { mean, std, branches, teacher } = last.top1_error
    const deviation = branches.length > 1 ? ` ± ${std.toFixed(2)}` : ''
    figures.push([branches.length > 1 ? `Test error, ${names.mean}` : 'Test error', `${mean.toFixed(2)}${deviation} %`])
    if (teacher !== null) figures.push([`Test error, ${names.ensemble}`, `${teacher.toFixed(2)} %`])
  }
  if (epochs.length > 0) {
    const seconds = epochs.reduce((sum, { seconds }) => sum + seconds, 0)
    const images = epochs.reduce((sum, line) => sum + line.images_per_second * line.seconds, 0)
    figures.push(['Training speed', `${Math.round(images / seconds)} images/s`])
    figures.push(['Training time', printDuration(seconds)])
  }
  return figures
}

function printDuration(seconds: number): string {
  if (seconds < 120) return `${seconds.toFixed(1)} s`
  return seconds < 7200 ? `${(seconds / 60).toFixed(1)} min` : `${(seconds / 3600).toFixed(1)} h`
}

function resultSection(evaluations: readonly EvalLine[], names: ClassifierNames): string {
  const last = evaluations.filter(({ split }) => split === 'test').at(-1)
  if (last === undefined) return ''
  const rows = errorRows(last.top1_error, last.top5_error, names).map(({ name, top1, top5 }) => [name, top1, top5])
  const place = `after step ${last.step}, ${last.images} images`
  return `<h2>Test error, percent (${place})</h2>\n${htmlTable(['', 'top-1', 'top-5'], rows, true)}`
}

/** Errors on the test images and on the augmented training images of each epoch (the paper's figure 2), and losses. */
function errorCharts(evaluations: readonly EvalLine[], epochs: readonly EpochLine[], names: ClassifierNames): Chart[] {
  const tested = evaluations.filter(({ split }) => split === 'test')
  const trained = epochs.flatMap(({ step, top1_error }) => (top1_error === undefined ? [] : [{ step, top1_error }]))
  const charts = [
    errorChart('Test error', tested, names),
    errorChart('Training error, while each epoch went on', trained, names),
  ]
  if (epochs.length > 1) charts.push(lossChart('Training loss, mean of each epoch', epochs))
  return charts
}

function errorChart(
  title: string,
  lines: readonly Pick<EvalLine, 'step' | 'top1_error'>[],
  names: ClassifierNames,
): Chart {
  const branches = lines[0]?.top1_error.branches.length ?? 0
  const series: Series[] = Array.from({ length: branches }, (_, branch) => ({
    name: branches === 1 ? 'network' : `${names.member} ${branch}`,
    colour: branch,
    points: lines.map(({ step, top1_error }) => [step, top1_error.branches[branch] ?? Number.NaN]),
  }))
  if (lines.some(({ top1_error }) => top1_error.teacher !== null)) {
    const points = lines.map(({ step, top1_error }) => [step, top1_error.teacher ?? Number.NaN] as const)
    series.push({ name: names.ensemble, colour: 'main', points })
  }
  return { title, xLabel: 'step', yLabel: 'top-1 error, %', fromZero: false, series }
}

function stepCharts(steps: readonly StepLine[]): Chart[] {
  const single = (title: string, yLabel: string, fromZero: boolean, pick: (line: StepLine) => number): Chart => {
    const points = steps.map((line) => [line.step, pick(line)] as const)
    return { title, xLabel: 'step', yLabel, fromZero, series: [{ name: title, colour: 0, points }] }
  }
  return [
    lossChart('Training loss of single steps', steps),
    single('Learning rate', 'learning rate', true, ({ lr }) => lr),
    single('Speed', 'images/s', true, ({ images_per_second }) => images_per_second),
  ]
}

function lossChart(title: string, lines: readonly (StepLine | EpochLine)[]): Chart {
  const parts = Object.keys(lines[0]?.parts ?? {})
  const series: Series[] = parts.map((part, index) => ({
    name: partTitle(part),
    colour: index,
    points: lines.map(({ step, parts }) => [step, parts[part] ?? Number.NaN]),
  }))
  series.push({ name: 'sum', colour: 'main', points: lines.map(({ step, loss }) => [step, loss]) })
  return { title, xLabel: 'step', yLabel: 'loss', fromZero: true, series }
}

/** `cross-entropy, branch 0`, `cross-entropy, teacher`, `distillation`. */
function partTitle(part: string): string {
  const { term, of, classifier } = readPartName(part)
  if (of === 'all') return part
  return `${term === LABEL_TERM ? 'cross-entropy' : term}, ${of === 'member' ? `branch ${classifier}` : classifier}`
}

function sampleSection(png: Uint8Array | null): string {
  if (png === null) return ''
  const source = `data:image/png;base64,${Buffer.from(png).toString('base64')}`
  return `<h2>First training batch, as the network saw it</h2>\n<img alt="training images" src="${escapeHtml(source)}">\n`
}

function settingsTable(settings: Settings): string {
  return htmlTable([], Object.entries(settings).flatMap(settingRows), false)
}

function settingRows([name, value]: readonly [string, unknown]): string[][] {
  if (value === null) return [[name, 'none']]
  if (Array.isArray(value)) return value.flatMap((member, place) => settingRows([`${name} ${place + 1}`, member]))
  if (typeof value === 'object')
    return Object.entries(value).flatMap(([inner, own]) => settingRows([`${name}: ${inner}`, own]))
  return [[name, String(value)]]
}

async function readSettings(path: string): Promise<Settings> {
  const bytes = await readOptional(path)
  if (bytes === null) return {}
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString())
    if (typeof value === 'object' && value !== null) return { ...value }
  } catch {
    // Falls through: no settings to be had from this file.
  }
  throw expected('a JSON object', path, 'something else', 'Take the file from a copy, or remove it.')
}

async function readOptional(path: string): Promise<Uint8Array | null> {
  try {
    return await readFile(path)
  } catch (error) {
    if (fileErrorCode(error) === 'ENOENT') return null
    throw fileFault(error, 'read', path)
  }
}
