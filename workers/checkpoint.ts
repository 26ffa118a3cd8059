/** Thread entry of what writes checkpoints in the background; its setup comes as workerData. */
import { parentPort, workerData } from 'node:worker_threads'
import { serveSaves } from '../src/train/checkpoint/saver-loop.ts'
import type { SaverSetup } from '../src/train/checkpoint/saver-messages.ts'

if (parentPort === null) throw new Error('Expected a worker thread for checkpoints but received the main thread')
const setup: SaverSetup = workerData
serveSaves(setup, parentPort)
