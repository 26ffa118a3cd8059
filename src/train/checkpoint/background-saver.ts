import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { fromPlainFault } from '../../vocabulary/plain-fault.ts'
import type { RunProgress } from './run-state.ts'
import type { FromSaver, SaverSetup, ToSaver } from './saver-messages.ts'

const entry = new URL(`../../../workers/checkpoint${extname(fileURLToPath(import.meta.url))}`, import.meta.url)

/** Writes checkpoints in a thread of its own, from a copy of the state, while training goes on. One at a time. */
export class BackgroundSaver {
  readonly #setup: Omit<SaverSetup, 'copy'>
  #copy: SharedArrayBuffer | null = null
  #thread: Worker | null = null

  constructor(setup: Omit<SaverSetup, 'copy'>) {
    this.#setup = setup
  }

  /** Copies the state, which must rest meanwhile. The training waits for no more than this. */
  take(state: SharedArrayBuffer): void {
    this.#copy ??= new SharedArrayBuffer(state.byteLength)
    // By 8 bytes: a copy by bytes is slower. The layout's tensors begin on lines of 64 bytes, so nothing is left over.
    new Float64Array(this.#copy).set(new Float64Array(state))
  }

  /** Saves what was taken. @returns `saved`, or where it is not finite @throws as saveCheckpoint */
  async save(progress: RunProgress): Promise<Exclude<FromSaver, { kind: 'failed' }>> {
    if (this.#copy === null) throw new Error('Expected a copy of the state but none was taken')
    const answer = await ask(this.#thread ?? this.#start(this.#copy), progress)
    if (answer.kind === 'failed') throw fromPlainFault(answer.fault)
    return answer
  }

  /** Started when it is needed first: a short run has no use for it. One that ended is replaced. */
  #start(copy: SharedArrayBuffer): Worker {
    const thread = new Worker(entry, { workerData: { ...this.#setup, copy }, name: 'checkpoints' })
    thread.once('exit', () => {
      this.#thread = null
    })
    this.#thread = thread
    return thread
  }

  /** Ends the thread; to be called when nothing is being saved. */
  async close(): Promise<void> {
    await this.#thread?.terminate()
  }
}

/** @throws what ended the thread */
function ask(thread: Worker, message: ToSaver): Promise<FromSaver> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number) =>
      reject(new Error(`Expected the thread that writes checkpoints but it ended, code ${code}`))
    thread.once('exit', onExit)
    thread.once('error', reject)
    thread.once('message', (answer: FromSaver) => {
      thread.off('exit', onExit)
      thread.off('error', reject)
      resolve(answer)
    })
    thread.postMessage(message)
  })
}
