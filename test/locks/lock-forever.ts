/** Takes the lock of a folder and keeps it until it is killed; with `wait`, begins when it is told to. */
import { join } from 'node:path'
import { whileLocked } from '../../src/vocabulary/locks/folder-lock.ts'

const [, , folder = '', wait] = process.argv
const target = { folder, path: join(folder, 'run.lock'), kind: 'run', goOn: String }
const hooks = { note: () => undefined, stop: new AbortController().signal }
if (wait !== undefined) {
  process.send?.('ready')
  await new Promise((resolve) => process.once('message', resolve))
}
await whileLocked(target, hooks, async () => {
  process.send?.('locked')
  await new Promise((resolve) => setTimeout(resolve, 1e6))
})
