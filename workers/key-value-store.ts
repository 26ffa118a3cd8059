/** Thread entry of the hosts' key-value store: says its port, then serves until the process ends. */
import { parentPort, workerData } from 'node:worker_threads'
import { type StoreSettings, serveKeyValues } from '../src/train/hosts/key-value-store.ts'

const settings: StoreSettings = workerData
const { port } = await serveKeyValues(settings)
parentPort?.postMessage(port)
