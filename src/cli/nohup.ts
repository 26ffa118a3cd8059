import { readFileSync, readlinkSync } from 'node:fs'
import { basename } from 'node:path'

const WRITE_ONLY = 1

/**
 * Whether nohup started this process. It has the kernel ignore SIGHUP, which Node undoes at its start, so its other traces
 * are looked at: bash leaves the program's path in `_`, and nohup opens /dev/null for writing in place of a terminal's input.
 */
export function startedByNohup(): boolean {
  if (basename(process.env['_'] ?? '') === 'nohup') return true
  try {
    const flags = /^flags:\s*(\d+)/m.exec(readFileSync('/proc/self/fdinfo/0', 'utf8'))?.[1] ?? ''
    return readlinkSync('/proc/self/fd/0') === '/dev/null' && (Number.parseInt(flags, 8) & 3) === WRITE_ONLY
  } catch {
    return false // No /proc: no nohup that could be told.
  }
}
