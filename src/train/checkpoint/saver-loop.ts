import type { MessagePort } from 'node:worker_threads'
import { toPlainFault } from '../../vocabulary/plain-fault.ts'
import { saveCheckpoint } from './checkpoint.ts'
import type { FromSaver, SaverSetup, ToSaver } from './saver-messages.ts'
import { findNotFinite, viewSnapshot } from './state-tensors.ts'

/** Saves the copy each time it is told to; lives in a thread of its own. */
export function serveSaves(setup: SaverSetup, port: MessagePort): void {
  port.on('message', (progress: ToSaver) => {
    save(setup, progress).then(
      (answer) => port.postMessage(answer),
      (error: unknown) => port.postMessage({ kind: 'failed', fault: toPlainFault(error) } satisfies FromSaver),
    )
  })
}

async function save(setup: SaverSetup, progress: ToSaver): Promise<FromSaver> {
  const { runFolder, rule, layout, description, copy } = setup
  const wrong = findNotFinite(layout, copy)
  if (wrong !== null) return { kind: 'diverged', ...wrong }
  await saveCheckpoint(runFolder, { progress, tensors: viewSnapshot(layout, copy), description }, rule)
  return { kind: 'saved' }
}
