import { fetchDataset } from '../../api/fetch.ts'
import { ProgressDisplay } from '../../report/progress.ts'
import type { PublishedName } from '../../vocabulary/dataset-name.ts'
import { printBytes } from '../../vocabulary/print-bytes.ts'
import { EXIT } from '../failure.ts'
import type { Invocation } from '../invocation.ts'

/** `fetch <dataset>`. */
export async function fetchCommand({ operands, options }: Invocation): Promise<number> {
  // Any text: the API says what it may be.
  const name = (operands[0] ?? '') as PublishedName
  const display = new ProgressDisplay(process.stderr)
  let current = ''
  try {
    const folder = await fetchDataset(name, {
      ...(typeof options['data'] === 'string' && { data: options['data'] }),
      onProgress: ({ step, bytes, total }) => {
        if (step !== current) display.note(`${name}: ${step}`)
        current = step
        display.status(`  ${printBytes(bytes)}${total === null ? '' : ` of ${printBytes(total)}`}`)
      },
    })
    display.close()
    process.stderr.write(`${name} is in ${folder}\n`)
  } finally {
    display.close()
  }
  return EXIT.done
}
