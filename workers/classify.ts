/** Thread entry of a model's pool: Piscina calls `classify` with one task at a time. Says once that it is ready. */
import { parentPort, workerData } from 'node:worker_threads'
import { createClassifier } from '../src/deploy/model/classifier-thread.ts'
import type { ClassifierSetup, ClassifyReply, ClassifyTask } from '../src/deploy/model/classify-task.ts'

const setup: ClassifierSetup = workerData
const classifier = createClassifier(setup)
// Between tasks Piscina stops the thread: what is not done when this module is loaded waits for a task.
await classifier.ready
parentPort?.postMessage('ready')

export function classify(task: ClassifyTask): Promise<ClassifyReply> {
  return classifier.classify(task)
}
