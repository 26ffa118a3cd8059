import { TABLE_TITLES } from '../../config/recipes/table-titles.ts'
import { compareRuns, writeComparison } from '../../report/comparison.ts'
import { writeReport } from '../../report/html-report.ts'
import { gatherRuns } from '../../report/run-folders.ts'
import { readableCells } from '../../report/table-columns.ts'
import { deploymentCost } from '../../studies/training-cost.ts'
import { openRunFolder } from '../../train/run/run-folder.ts'
import { expected } from '../../vocabulary/fault.ts'
import { EXIT } from '../failure.ts'
import type { Invocation } from '../invocation.ts'
import { textTable } from '../text-table.ts'

const DEFAULT_FOLDER = 'report'

/** `report <runs...>`: the page of one run, or the tables of several. */
export async function reportCommand({ operands, options }: Invocation): Promise<number> {
  const runs = await gatherRuns(operands)
  const [only] = runs
  if (only === undefined) throw expected('at least one run', 'report', 'none', 'Name a folder of runs/.')
  const json = options['json'] === true
  if (runs.length === 1 && options['out'] === undefined && !json) {
    const { folder } = await openRunFolder(only)
    process.stdout.write(`${await writeReport(folder)}\n`)
    return EXIT.done
  }
  const comparison = await compareRuns(runs, deploymentCost)
  const out = typeof options['out'] === 'string' ? options['out'] : DEFAULT_FOLDER
  const [page] = await writeComparison(comparison, out)
  if (json) {
    process.stdout.write(`${JSON.stringify({ report: page, tables: comparison.tables, notes: comparison.notes })}\n`)
    return EXIT.done
  }
  for (const table of comparison.tables) {
    const { head, rows } = readableCells(table)
    process.stdout.write(`${TABLE_TITLES[table.name] ?? table.name}\n${textTable(head, rows)}\n\n`)
  }
  process.stdout.write(`${comparison.notes.join('\n')}\nReport: ${page}\n`)
  return EXIT.done
}
