/** Compiled programs on disk, so that a second run begins at once. */
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { cpus, homedir } from 'node:os'
import { join } from 'node:path'
import type { ClientFacts } from './pjrt-addon.ts'

/** Names another folder for them; empty = keep none. */
const FOLDER_VARIABLE = 'NATIVE_ENSEMBLE_XLA_CACHE'

/**
 * Tells compiled programs apart: by text, options, plugin, and what they were compiled for. Programs for CPUs hold
 * machine code of this processor.
 * @param plugin its library's identity
 */
export function programKey(text: string, options: Uint8Array, facts: ClientFacts, plugin: string): string {
  const { platform, platformVersion, major, minor, devices } = facts
  const kinds = devices.map(({ kind }) => kind)
  const processor = platform === 'cpu' ? [cpus()[0]?.model, cpuFlags(), cpus().length] : []
  const made = JSON.stringify([plugin, platform, platformVersion, major, minor, kinds, processor])
  return createHash('sha256').update(made).update('\0').update(options).update('\0').update(text).digest('hex')
}

function cpuFlags(): string {
  try {
    return /^(?:flags|Features)\s*:.*$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[0] ?? ''
  } catch {
    return ''
  }
}

/** The folder, null where none is kept. */
function cacheFolder(): string | null {
  const given = process.env[FOLDER_VARIABLE]
  if (given !== undefined) return given === '' ? null : given
  const caches = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache')
  return join(caches, 'native-ensemble', 'xla')
}

/** What was kept for the key, null where nothing was or it cannot be read. */
export function readCached(key: string): Uint8Array | null {
  const folder = cacheFolder()
  if (folder === null) return null
  try {
    return readFileSync(join(folder, key))
  } catch {
    // Absent, most often; a cache that cannot be read costs only the time to compile.
    return null
  }
}

/** Keeps a compiled program; a folder that cannot be written is no reason to end a run. */
export function writeCached(key: string, bytes: Uint8Array): void {
  const folder = cacheFolder()
  if (folder === null) return
  const aside = join(folder, `${key}.${process.pid}.part`)
  try {
    mkdirSync(folder, { recursive: true })
    writeFileSync(aside, bytes)
    renameSync(aside, join(folder, key))
  } catch {
    // As above.
  }
}
