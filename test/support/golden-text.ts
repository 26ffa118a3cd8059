import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fixturePath } from '../fixtures-folder.ts'

/**
 * The text kept in a fixture, or, where TAP_SNAPSHOT=1 is set, `text` itself after it was written there: look at the
 * difference before you commit it.
 */
export function goldenText(name: string, text: string): string {
  const path = fixturePath(name)
  if (process.env['TAP_SNAPSHOT'] === '1') {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, `${text}\n`)
  }
  return readFileSync(path, 'utf8').trimEnd()
}
