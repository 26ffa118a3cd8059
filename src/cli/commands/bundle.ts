import { makeBundle } from '../../deploy/bundle/make-bundle.ts'
import { expected } from '../../vocabulary/fault.ts'
import { printBytes } from '../../vocabulary/print-bytes.ts'
import { EXIT } from '../failure.ts'
import type { Invocation } from '../invocation.ts'

/** `bundle <file>`. */
export async function bundleCommand({ operands, options }: Invocation): Promise<number> {
  const [file] = operands
  if (file === undefined || file === '') {
    throw expected('a file', 'the bundle', 'none', 'native-ensemble bundle carried.tar.xz')
  }
  const bundle = makeBundle(file, (stage) => process.stderr.write(`bundle: ${stage}\n`))
  if (options['json'] === true) {
    process.stdout.write(`${JSON.stringify(bundle)}\n`)
    return EXIT.done
  }
  process.stdout.write(
    `${bundle.path}: ${printBytes(bundle.bytes)}, ${bundle.files} files, for processors with all instructions of ` +
      `${bundle.processor}.\nThere, in an empty folder: tar -xf <file>, then ./native-ensemble --help\n`,
  )
  return EXIT.done
}
