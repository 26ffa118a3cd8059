import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { findOwn, wrongOwn } from '../../vocabulary/own-definitions.ts'
import { fromPlainFault, type PlainFault } from '../../vocabulary/plain-fault.ts'
import type { Augmentation } from './image-writers.ts'
import type { AugmentationModule } from './own-augmentation.ts'

const entry = new URL(`../../../workers/augmentation${extname(fileURLToPath(import.meta.url))}`, import.meta.url)

/** What is done to training images. */
export interface ChosenAugmentation {
  readonly base: Augmentation
  /** Of the user's; null = none. */
  readonly module: AugmentationModule | null
}

type Answer = { readonly base: Augmentation } | { readonly fault: PlainFault }

/**
 * What the setting `augment` asks for. A module is looked at in a thread, as it will be loaded: it may be the one that waits
 * for this at its top level.
 * @throws UserFault for a module that is not there, cannot be loaded or exports no augmentation
 */
export async function findAugmentation(augment: string): Promise<ChosenAugmentation> {
  const own = findOwn('augmentation', augment)
  if (own === null) return { base: augment === 'none' ? 'none' : 'standard', module: null }
  const { source, url } = own
  if (url === undefined) {
    const remedy = "Decode threads load it: defineAugmentation(new URL('./noise.js', import.meta.url))."
    throw wrongOwn('a module', source, 'a value', remedy)
  }
  const module = { url, source }
  const worker = new Worker(entry, { workerData: module, name: 'augmentation' })
  try {
    const answer = await new Promise<Answer>((resolve, reject) => {
      worker.once('message', resolve)
      worker.once('error', reject)
      worker.once('exit', () =>
        reject(wrongOwn('an augmentation', source, 'a module that ends its thread', 'Correct it.')),
      )
    })
    if ('fault' in answer) throw fromPlainFault(answer.fault)
    return { base: answer.base, module }
  } finally {
    await worker.terminate()
  }
}
