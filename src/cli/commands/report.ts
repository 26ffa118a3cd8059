import { writeReport } from '../../report/html-report.ts'
import { openRunFolder } from '../../trainer/run-folder.ts'
import { EXIT } from '../failure.ts'
import type { Invocation } from '../invocation.ts'

/** `report <run>`. */
export async function reportCommand({ operands }: Invocation): Promise<number> {
  const { folder } = await openRunFolder(operands[0] ?? '')
  process.stdout.write(`${await writeReport(folder)}\n`)
  return EXIT.done
}
