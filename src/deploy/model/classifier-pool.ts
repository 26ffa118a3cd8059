import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Piscina } from 'piscina'
import type { Executor } from '../../engine/executors/executor.ts'
import type { ExecutorChoice } from '../../engine/executors/executor-choice.ts'
import { typeOf } from '../../engine/graph/program.ts'
import { layOutState } from '../../engine/graph/state-layout.ts'
import { loadWeights } from '../../train/checkpoint/state-tensors.ts'
import { allowedCores } from '../../vocabulary/allowed-cores.ts'
import { UserFault } from '../../vocabulary/fault.ts'
import type { ClassifierSetup, ClassifyReply, ClassifyTask, ThreadImage } from './classify-task.ts'
import type { DeployedModel } from './open-model.ts'

const entry = new URL(`../../../workers/classify${extname(fileURLToPath(import.meta.url))}`, import.meta.url)

/** Images of the largest batch: small ones fill a core's caches no sooner than this. */
const MOST_IMAGES = 32
/** Pixels of the largest batch of large images. */
const MOST_PIXELS = 8 * 224 * 224
/** What a device takes at a time, where one thread feeds it. */
const DEVICE_IMAGES = 64
/** Batches with each thread: one that runs, one that waits. */
const AHEAD = 2
const HOUR_MS = 3_600_000

export type PoolResult<Input> =
  | { readonly input: Input; readonly logits: Float32Array; readonly problem: null }
  | { readonly input: Input; readonly logits: null; readonly problem: string }

/** Threads that each decode images and run the network on them. */
export class ClassifierPool {
  readonly #pool: Piscina<ClassifyTask, ClassifyReply>
  readonly #threads: number
  readonly #batch: number
  readonly #classes: number
  readonly #ready: Promise<void>
  /** Keeps what it opened for the threads. */
  readonly executor: Executor

  /** @throws UserFault where the weights do not fit the network, or this machine cannot run it */
  constructor(model: DeployedModel, choice: ExecutorChoice, executor: Executor, threads?: number) {
    const { description, preparation } = model
    const onDevice = executor.prepare !== undefined
    const { height, width } = preparation.input
    const cores = allowedCores()
    this.executor = executor
    this.#threads = onDevice ? 1 : (threads ?? cores.length)
    this.#batch = onDevice
      ? DEVICE_IMAGES
      : Math.max(1, Math.min(MOST_IMAGES, Math.floor(MOST_PIXELS / height / width)))
    this.#classes = description.classNames.length
    const sizes = [...new Set([1, Math.ceil(this.#batch / 4), this.#batch])]
    const programs = sizes.map((batch) => model.capture(batch))
    const [first] = programs
    if (first === undefined) throw new Error('Expected a program but received none')
    executor.check(first)
    const states = first.states.map(({ name, value }) => ({ name, shape: typeOf(first, value).shape }))
    const layout = layOutState([], [], states)
    const state = new SharedArrayBuffer(4 * layout.elements)
    loadWeights(layout.tensors, model.tensors, state, model.source, 'Take config.json and checkpoint of one run.')
    const exchange = onDevice ? new SharedArrayBuffer(executor.exchangeBytes(programs, layout, 1)) : null
    if (exchange !== null) executor.prepare?.({ state, exchange })
    const begun = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)
    const setup: ClassifierSetup = {
      ...{ executor: choice, programs, layout, state, exchange, preparation, cores, begun },
      classes: this.#classes,
    }
    this.#pool = new Piscina({
      filename: fileURLToPath(entry),
      name: 'classify',
      workerData: setup,
      minThreads: this.#threads,
      maxThreads: this.#threads,
      idleTimeout: Number.POSITIVE_INFINITY,
    })
    this.#ready = new Promise((resolve, reject) => {
      let waiting = this.#threads
      this.#pool.on('message', () => {
        waiting--
        if (waiting === 0) resolve()
      })
      this.#pool.on('error', reject)
    })
    this.#ready.catch(() => undefined)
  }

  /** Resolves when all threads have loaded the executor and compiled the network. @throws where a thread does not start */
  async ready(): Promise<void> {
    // Threads without a task keep no process alive.
    const alive = setInterval(() => undefined, HOUR_MS)
    await this.#ready.finally(() => clearInterval(alive))
  }

  /**
   * Results in the order of the inputs, a few batches ahead of who reads them.
   * @throws UserFault where the executor fails
   */
  async *run<Input>(
    inputs: Iterable<Input>,
    toThread: (input: Input) => ThreadImage,
  ): AsyncGenerator<PoolResult<Input>> {
    const source = inputs[Symbol.iterator]()
    const running: { readonly inputs: readonly Input[]; readonly reply: Promise<ClassifyReply> }[] = []
    const batch = Array.isArray(inputs) ? Math.min(this.#batch, Math.ceil(inputs.length / this.#threads)) : this.#batch
    const begin = () => {
      const next = take(source, batch)
      if (next.length === 0) return
      const reply = this.#pool.run({ images: next.map(toThread) })
      // Waited for below; until then its failure is not one that nobody handles.
      reply.catch(() => undefined)
      running.push({ inputs: next, reply })
    }
    for (let ahead = 0; ahead < AHEAD * this.#threads; ahead++) begin()
    for (let first = running.shift(); first !== undefined; first = running.shift()) {
      const reply = await first.reply
      begin()
      if (reply.kind === 'failed') throw faultOf(reply)
      for (const [row, input] of first.inputs.entries()) {
        const problem = reply.problems[row] ?? null
        if (problem !== null) yield { input, logits: null, problem }
        else {
          const logits = reply.logits.slice(row * this.#classes, (row + 1) * this.#classes)
          yield { input, logits, problem: null }
        }
      }
    }
  }

  async close(): Promise<void> {
    await this.#pool.destroy()
  }
}

function take<T>(source: Iterator<T>, count: number): T[] {
  const taken: T[] = []
  while (taken.length < count) {
    const next = source.next()
    if (next.done === true) break
    taken.push(next.value)
  }
  return taken
}

function faultOf({ message, remedy, stack }: Extract<ClassifyReply, { kind: 'failed' }>): Error {
  return remedy === null ? Object.assign(new Error(message), { stack }) : new UserFault(message, remedy)
}
