import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Names an executable; empty = none is to be used. */
const VARIABLE = 'NATIVE_ENSEMBLE_CHROMIUM'

/** The path of a Chromium, null where there is none. */
export function findChromium(): string | null {
  const named = process.env[VARIABLE]
  if (named !== undefined) return named === '' ? null : named
  const names = ['chromium', 'chromium-browser', 'google-chrome']
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  return folders.flatMap((folder) => names.map((name) => join(folder, name))).find((path) => existsSync(path)) ?? null
}

/** What `t.test` takes: a reason to skip, told on stderr as well, where there is no Chromium. */
export function skipWithoutChromium(path: string | null): string | false {
  if (path !== null) return false
  const reason = `no Chromium is here: apt-get install chromium, or name one in ${VARIABLE}`
  process.stderr.write(`SKIPPED: ${reason}\n`)
  return reason
}
