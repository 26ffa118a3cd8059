/** Thread entry of a replica; its setup comes as workerData, everything after as messages. */
import { parentPort, workerData } from 'node:worker_threads'
import type { ReplicaSetup } from '../src/train/replicas/messages.ts'
import { runReplica } from '../src/train/replicas/replica-loop.ts'

if (parentPort === null) throw new Error('Expected a worker thread for a replica but received the main thread')
const setup: ReplicaSetup = workerData
await runReplica(setup, parentPort)
