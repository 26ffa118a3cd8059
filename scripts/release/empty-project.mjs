/** An empty project on a machine without compilers, Python and oneDNN: a folder, and a PATH that holds Node and a shell alone. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { runCommand } from '../setup/run-command.mjs'

const PROGRAMS = ['node', 'npm', 'npx', 'sh']
/** What must not be found there. */
const ABSENT = ['g++', 'gcc', 'c++', 'cc', 'clang', 'clang++', 'make', 'cmake', 'python3', 'python', 'pip']
/** What npm tells of the project that runs this, and what would name parts of this machine. */
const NOT_HANDED_ON =
  /^(npm_(package|lifecycle|command|execpath|node_execpath|config_local_prefix|config_global_prefix|config_prefix)|INIT_CWD$|NODE_OPTIONS$|CXX$|ONEDNN_|LIBJPEG_ROOT$|LD_|NATIVE_ENSEMBLE_)/

/**
 * @typedef {object} EmptyProject
 * @property {string} folder with a package.json
 * @property {(program: string, args: readonly string[], env?: NodeJS.ProcessEnv) => ReturnType<typeof runCommand>} run
 *   a program of its PATH, in the folder
 * @property {NodeJS.ProcessEnv} env in which programs run there
 * @property {() => void} remove
 */

/**
 * @returns {Promise<EmptyProject>}
 * @throws Error where its PATH has what it must not
 */
export async function makeEmptyProject() {
  const whole = realpathSync(mkdtempSync(join(tmpdir(), 'native-ensemble-release-')))
  const [bin, folder] = [join(whole, 'bin'), join(whole, 'project')]
  mkdirSync(bin)
  mkdirSync(folder)
  for (const name of PROGRAMS) symlinkSync(name === 'node' ? process.execPath : findInPath(name), join(bin, name))
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify({ name: 'empty', private: true, type: 'module' })}\n`)
  const kept = Object.entries(process.env).filter(([name]) => !NOT_HANDED_ON.test(name))
  const env = { ...Object.fromEntries(kept), PATH: bin }
  const run = (program, args, more = {}) => runCommand(program, args, { cwd: folder, env: { ...env, ...more } })
  for (const name of ABSENT) {
    const { status } = await run('sh', ['-c', `command -v ${name}`])
    if (status === 0) throw new Error(`Expected a PATH without ${name}`)
  }
  return { folder, env, run, remove: () => rmSync(whole, { recursive: true, force: true }) }
}

function findInPath(name) {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    try {
      return realpathSync(join(folder, name))
    } catch {
      // Not in this folder.
    }
  }
  throw new Error(`Expected ${name} in PATH`)
}
