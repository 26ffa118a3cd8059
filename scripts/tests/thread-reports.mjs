/** What ThreadSanitizer says of the processes that it is loaded into. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inRoot } from '../setup/places.mjs'

/**
 * @typedef {object} ThreadReports
 * @property {readonly string[]} through program and arguments that start node so that the sanitizer can live in it
 * @property {(name: string, plugin?: boolean) => NodeJS.ProcessEnv} envFor environment whose reports are kept under a
 *   name; `plugin`: XLA's is loaded
 * @property {(name: string) => string[]} of the reports of all processes that ran in that environment
 * @property {() => void} remove
 */

/** @returns {ThreadReports} */
export function openThreadReports() {
  const folder = mkdtempSync(join(tmpdir(), 'thread-reports-'))
  const options = (name, plugin) => ({
    // Reports go to files, so that no child process's are lost and no test reads them as a program's words.
    log_path: join(folder, name),
    exitcode: 0,
    suppressions: inRoot('scripts/tests/thread-suppressions.txt'),
    // XLA's plugin and the code that it makes call malloc, memcpy and locks in an order that is kept by atomics the sanitizer
    // does not see: with it only what the addons' own instructions read and write is checked, not what they call.
    ignore_noninstrumented_modules: plugin ? 1 : 0,
    // How far back the other access of a race may lie and still be shown.
    history_size: 4,
  })
  return {
    through: withoutRandomAddresses(),
    envFor: (name, plugin = false) => ({
      TSAN_OPTIONS: Object.entries(options(name, plugin))
        .map(([option, value]) => `${option}="${value}"`)
        .join(':'),
    }),
    of: (name) =>
      readdirSync(folder)
        .filter((file) => file.startsWith(`${name}.`))
        .flatMap((file) => readFileSync(join(folder, file), 'utf8').split(/^=+\n/m))
        .filter((text) => text.trim() !== '' && !/^\s*ThreadSanitizer: reported \d+ warnings\s*$/.test(text))
        .map(withNames),
    remove: () => rmSync(folder, { recursive: true }),
  }
}

/** Its shadow memory has fixed addresses, which those that a kernel draws may not meet; util-linux turns drawing off. */
function withoutRandomAddresses() {
  return spawnSync('setarch', ['-R', 'true']).status === 0 ? ['setarch', '-R'] : []
}

/** The sanitizer's own reader of symbols knows no library that was loaded after its first report, a suppressed one too. */
function withNames(report) {
  return report.replaceAll(/<null> <null> \((\w+\.node)\+(0x[0-9a-f]+)\)/g, (unnamed, file, place) => {
    const args = ['-Cfpe', inRoot(`native/build/Threads/${file}`), place]
    const { status, stdout } = spawnSync('addr2line', args, { encoding: 'utf8' })
    return status === 0 ? `${stdout.trim()} (${file}+${place})` : unnamed
  })
}
