import { once } from 'node:events'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import type { StoreSettings } from './key-value-store.ts'

const entry = new URL(`../../../workers/key-value-store${extname(fileURLToPath(import.meta.url))}`, import.meta.url)

/**
 * A key-value store in a thread of its own; it never keeps the process alive.
 * @param address of an interface, '' = all
 * @returns its port
 */
export async function startStore(address: string, key: Uint8Array): Promise<number> {
  const thread = new Worker(entry, { name: 'key-value store', workerData: { address, key } satisfies StoreSettings })
  const [port]: unknown[] = await once(thread, 'message')
  thread.unref()
  if (typeof port !== 'number') throw new Error(`Expected the port of the key-value store but received ${String(port)}`)
  return port
}
