/** Fills the small disk of a folder, tries to lock the folder, makes room and locks it. */
import { readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { whileLocked } from '../../src/vocabulary/locks/folder-lock.ts'

const [, , folder = ''] = process.argv
const target = { folder, path: join(folder, 'run.lock'), kind: 'run', goOn: String }
const hooks = { note: console.log, stop: new AbortController().signal }
const filling = join(folder, 'filling')
try {
  writeFileSync(filling, Buffer.alloc(1 << 20))
} catch {
  // As much as there was room for.
}
await whileLocked(target, hooks, () => Promise.reject(new Error('locked on a full disk'))).catch((error: unknown) => {
  console.log(error instanceof Error ? error.message : error)
})
console.log(`left: ${JSON.stringify(readdirSync(folder))}`)
rmSync(filling)
await whileLocked(target, hooks, () => Promise.resolve(console.log('locked')))
