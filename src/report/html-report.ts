/** report.html: one file with the curves, the result, the settings and the machine of a run. */
import { basename } from 'node:path'
import { readMetrics } from './metrics.ts'
import { AXIS_CHOICE, htmlPage } from './report-page.ts'
import { runFiles } from './run-files.ts'
import { runSections, runTitles } from './run-sections.ts'
import { readOptional, readRunView } from './run-view.ts'
import { writeWhole } from './write-whole.ts'

/**
 * Writes the report of a run from what its folder holds, at any time, also while the run goes on.
 * @returns path of the report
 * @throws UserFault where the folder has no metrics or cannot be written
 */
export async function writeReport(runFolder: string): Promise<string> {
  const files = runFiles(runFolder)
  const view = await readRunView(runFolder, await readMetrics(files.metrics))
  const png = await readOptional(files.samples)
  const samples = png === null ? null : `data:image/png;base64,${Buffer.from(png).toString('base64')}`
  const [title, subtitle] = runTitles(view.config)
  const page = htmlPage(title, subtitle, runSections(view, { axisChoice: AXIS_CHOICE, samples }))
  return await writeWhole(runFolder, basename(files.report), page)
}
