/** Unpacks wheels of pip, which are zip archives: Node reads none, and unzip is not on every machine. */
import { runCommand } from './run-command.mjs'

/**
 * `python3 -m zipfile` drops the files' modes, and with them the right to run programs such as ptxas. Only modes that the
 * archive says are taken, as 'executable' or not: the other bits are the umask's.
 */
const UNPACK = `
import os, sys, zipfile
archive, folder, prefixes = sys.argv[1], sys.argv[2], tuple(sys.argv[3:])
with zipfile.ZipFile(archive) as wheel:
    for entry in wheel.infolist():
        if prefixes and not entry.filename.startswith(prefixes):
            continue
        path = wheel.extract(entry, folder)
        if not entry.is_dir() and entry.external_attr >> 16 & 0o111:
            mode = os.stat(path).st_mode
            os.chmod(path, mode | (mode & 0o444) >> 2)
`

/**
 * @param {string} wheel
 * @param {string} folder made where it is not there
 * @param {{python?: string, prefixes?: readonly string[]}} [options] `prefixes`: only entries that begin with one of them
 * @returns {Promise<{status: number | 'absent', output: string}>} as runCommand
 */
export function unpackWheel(wheel, folder, { python = 'python3', prefixes = [] } = {}) {
  return runCommand(python, ['-c', UNPACK, wheel, folder, ...prefixes])
}
