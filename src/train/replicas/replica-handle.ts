import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { fromPlainFault } from '../../vocabulary/plain-fault.ts'
import type { FromReplica, ReplicaProfile, ReplicaSetup, ToReplica } from './messages.ts'

const entry = new URL(`../../../workers/replica${extname(fileURLToPath(import.meta.url))}`, import.meta.url)

type Answer = Exclude<FromReplica, { kind: 'failed' }>

interface Waiting {
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: Error) => void
}

/** The main thread's end of one replica. */
export class ReplicaHandle {
  readonly #worker: Worker
  readonly #waiting: Waiting[] = []
  #failure: Error | null = null
  #stopping = false

  /** @param onFailure told once, before any waiting run is rejected */
  constructor(setup: ReplicaSetup, onFailure: (error: Error) => void) {
    this.#worker = new Worker(entry, { workerData: setup, name: `replica ${setup.place.replica}` })
    // The first answer is that the replica is ready; what is posted before it waits in the port.
    this.#waiting.push({ resolve: () => undefined, reject: () => undefined })
    const fail = (error: Error) => {
      if (this.#failure !== null) return
      this.#failure = error
      onFailure(error)
      for (const { reject } of this.#waiting.splice(0)) reject(error)
    }
    this.#worker.on('message', (message: FromReplica) => {
      switch (message.kind) {
        case 'ready':
        case 'ran':
        case 'fetched':
        case 'profiled':
        case 'moved':
          this.#waiting.shift()?.resolve(message)
          break
        case 'failed':
          fail(fromPlainFault(message.fault))
          break
        default:
          message satisfies never
      }
    })
    this.#worker.on('error', fail)
    this.#worker.on('exit', (code) => {
      if (!this.#stopping)
        fail(new Error(`Expected replica ${setup.place.replica} to run on but it ended, code ${code}`))
    })
  }

  /** The thread, for diagnosis. */
  get thread(): Worker {
    return this.#worker
  }

  /**
   * One run of a program; runs are done in the order of the calls.
   * @returns when its slot was read: its outputs, null where they stay on the device until they are fetched
   */
  async run(message: Extract<ToReplica, { kind: 'run' }>): Promise<readonly number[] | null> {
    const answer = await this.#ask(message)
    if (answer.kind !== 'ran') throw unfitting(message, answer)
    return answer.outputs
  }

  /** Outputs of the runs that were told before and not fetched yet, the oldest first. */
  async fetch(): Promise<readonly (readonly number[])[]> {
    const message = { kind: 'fetch' } as const
    const answer = await this.#ask(message)
    if (answer.kind !== 'fetched') throw unfitting(message, answer)
    return answer.outputs
  }

  /** What the clocks say after the runs that were told before. */
  async profile(message: Extract<ToReplica, { kind: 'profile' }>): Promise<ReplicaProfile> {
    const answer = await this.#ask(message)
    if (answer.kind !== 'profiled') throw unfitting(message, answer)
    return answer.profile
  }

  /** Moves the state between device and shared memory, after the runs that were told before. */
  async moveState(message: Extract<ToReplica, { kind: 'state' }>): Promise<void> {
    const answer = await this.#ask(message)
    if (answer.kind !== 'moved') throw unfitting(message, answer)
  }

  #ask(message: Exclude<ToReplica, { kind: 'stop' }>): Promise<Answer> {
    if (this.#failure !== null) return Promise.reject(this.#failure)
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject })
      this.#worker.postMessage(message satisfies ToReplica)
    })
  }

  /** Ends the thread: after the runs it was told where it works, at once where it failed. */
  async stop(): Promise<void> {
    if (this.#stopping) return
    this.#stopping = true
    if (this.#failure !== null) {
      await this.#worker.terminate()
      return
    }
    const ended = new Promise((resolve) => this.#worker.once('exit', resolve))
    this.#worker.postMessage({ kind: 'stop' } satisfies ToReplica)
    await ended
  }
}

/** Answers come in the order of the messages. */
function unfitting({ kind }: ToReplica, answer: Answer): Error {
  return new Error(`Expected a replica's answer to ${kind} but received ${answer.kind}`)
}
