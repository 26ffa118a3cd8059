/** Fetches the published header of the PJRT C API into .pjrt/header/, for the test that compares our declarations with it. */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { inRoot } from './places.mjs'
import { runCommand } from './run-command.mjs'
import { unpackWheel } from './unpack-wheel.mjs'

/** A wheel that has it, for any Python: nothing of it is run. 274 MB, of which one file is kept. */
const WHEEL = ['tensorflow-cpu==2.21.0', '--python-version', '3.12', '--platform', 'manylinux_2_27_x86_64']
const IN_WHEEL = 'tensorflow/include/xla/pjrt/c/pjrt_c_api.h'

/**
 * @returns {Promise<{path: string} | {absence: string}>} the header, or why it cannot be had
 */
export async function fetchPjrtHeader() {
  const path = inRoot('.pjrt/header/pjrt_c_api.h')
  if (existsSync(path)) return { path }
  const aside = inRoot(`.pjrt/header.${process.pid}.part`)
  try {
    mkdirSync(aside, { recursive: true })
    const download = ['-m', 'pip', 'download', '--no-deps', '--only-binary=:all:', '-d', aside, ...WHEEL]
    const { status, output } = await runCommand('python3', download)
    if (status !== 0)
      return { absence: status === 'absent' ? 'python3 is missing' : (output.trim().split('\n').at(-1) ?? '') }
    const wheel = readdirSync(aside).find((name) => name.endsWith('.whl')) ?? ''
    const unpacked = await unpackWheel(join(aside, wheel), aside, { prefixes: [IN_WHEEL] })
    if (unpacked.status !== 0 || !existsSync(join(aside, IN_WHEEL))) return { absence: `${wheel} has no ${IN_WHEEL}` }
    mkdirSync(dirname(path), { recursive: true })
    renameSync(join(aside, IN_WHEEL), path)
    return { path }
  } finally {
    rmSync(aside, { recursive: true, force: true })
  }
}
