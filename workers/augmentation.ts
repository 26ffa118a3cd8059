/** Thread entry that looks at the augmentation of a user's as decode threads load it, and says what it is based on. */
import { parentPort, workerData } from 'node:worker_threads'
import { type AugmentationModule, readAugmentation } from '../src/data/input/own-augmentation.ts'
import { toPlainFault } from '../src/vocabulary/plain-fault.ts'

const module: AugmentationModule = workerData
try {
  const { base = 'standard' } = await readAugmentation(module)
  parentPort?.postMessage({ base })
} catch (error) {
  parentPort?.postMessage({ fault: toPlainFault(error) })
}
