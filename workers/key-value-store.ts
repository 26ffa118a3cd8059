/** Thread entry of the hosts' key-value store: says its port, then serves until the process ends. */
import { parentPort } from 'node:worker_threads'
import { serveKeyValues } from '../src/hosts/key-value-store.ts'

const { port } = await serveKeyValues()
parentPort?.postMessage(port)
