/** What ThreadSanitizer says of the processes that it is loaded into. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inRoot } from '../setup/places.mjs'

/**
 * @typedef {object} ThreadReports
 * @property {readonly string[]} through program and arguments that start node so that the sanitizer can live in it
 * @property {(name: string) => NodeJS.ProcessEnv} envFor environment whose reports are kept under a name
 * @property {(name: string) => string[]} of the reports of all processes that ran in that environment
 * @property {() => void} remove
 */

/** @returns {ThreadReports} */
export function openThreadReports() {
  const folder = mkdtempSync(join(tmpdir(), 'thread-reports-'))
  const options = (name) => ({
    // Reports go to files, so that no child process's are lost and no test reads them as a program's words.
    log_path: join(folder, name),
    exitcode: 0,
    suppressions: inRoot('scripts/tests/thread-suppressions.txt'),
    // Its own reader of symbols knows no library that is loaded after the first report.
    external_symbolizer_path: pathOfProgram('addr2line'),
    // How far back the other access of a race may lie and still be shown.
    history_size: 4,
  })
  return {
    through: withoutRandomAddresses(),
    envFor: (name) => ({
      TSAN_OPTIONS: Object.entries(options(name))
        .filter(([, value]) => value !== null)
        .map(([option, value]) => `${option}="${value}"`)
        .join(':'),
    }),
    of: (name) =>
      readdirSync(folder)
        .filter((file) => file.startsWith(`${name}.`))
        .flatMap((file) => readFileSync(join(folder, file), 'utf8').split(/^=+\n/m))
        .filter((text) => text.trim() !== '' && !/^\s*ThreadSanitizer: reported \d+ warnings\s*$/.test(text)),
    remove: () => rmSync(folder, { recursive: true }),
  }
}

/** Its shadow memory has fixed addresses, which those that a kernel draws may not meet; util-linux turns drawing off. */
function withoutRandomAddresses() {
  return spawnSync('setarch', ['-R', 'true']).status === 0 ? ['setarch', '-R'] : []
}

function pathOfProgram(name) {
  const found = spawnSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).stdout.trim()
  return found === '' ? null : found
}
