import { reportDevices } from '../../engine/executors/devices.ts'
import { EXIT } from '../failure.ts'
import type { Invocation } from '../invocation.ts'
import { textTable } from '../text-table.ts'

/** `devices`. */
export async function devicesCommand({ options }: Invocation): Promise<number> {
  const reports = await reportDevices()
  if (options['json'] === true) {
    process.stdout.write(`${JSON.stringify(reports)}\n`)
    return EXIT.done
  }
  const rows = reports.map(({ executor, device, works, detail }) => [executor, device, works ? 'works' : 'no', detail])
  const remedies = reports.flatMap(({ executor, device, works, remedy }) =>
    works || remedy === null ? [] : [`${executor} ${device}: ${remedy}`],
  )
  const hints = remedies.length > 0 ? `\n${remedies.join('\n')}\n` : ''
  process.stdout.write(`${textTable(['executor', 'device', '', ''], rows)}\n${hints}`)
  return EXIT.done
}
