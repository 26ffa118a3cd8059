/** A trained model that classifies images. */
import { fileURLToPath } from 'node:url'
import { parseDevices } from '../config/devices.ts'
import { createExecutor, defaultExecutor, type ExecutorChoice } from '../engine/executors/executor-choice.ts'
import { expected, UserFault } from '../vocabulary/fault.ts'
import { ClassifierPool } from './model/classifier-pool.ts'
import type { RawPixels, ThreadImage } from './model/classify-task.ts'
import { type DeployedModel, type MemberChoice, openModel } from './model/open-model.ts'
import { largestClasses, type Prediction } from './model/predictions.ts'

/** Path or file: URL of an image file, the bytes of one, or pixels. */
export type ImageInput = string | URL | Uint8Array | RawPixels

/** Which model it is, and what runs it. */
export interface ModelOptions {
  /** Number of a branch or peer, or `ensemble`, ONE-E say (default: 0, or what an export holds). */
  readonly member?: MemberChoice
  /** Of a run: a step, the newest or the best (default: latest). */
  readonly checkpoint?: number | 'latest' | 'best'
  /** What runs the network (default: cpu, or tfjs where no addon is for this machine). */
  readonly executor?: 'cpu' | 'tfjs' | 'xla'
  /** With xla: `gpu`, `gpu:1` or `xla-cpu` (default: gpu). */
  readonly devices?: string
  /** Threads that decode and classify (default: one for each core). */
  readonly threads?: number
}

/** What is asked of each image. */
export interface ClassifyOptions {
  /** Classes of each image, the likeliest first (default: 1). */
  readonly top?: number
}

/** What became of one image. */
export type ImageResult<Input extends ImageInput = ImageInput> =
  | { readonly input: Input; readonly predictions: Prediction[]; readonly problem: null }
  | { readonly input: Input; readonly predictions: null; readonly problem: string }

/**
 * Loads a model from the folder of a run or from a safetensors file that `export` wrote. Images are prepared as those that the
 * network was evaluated on.
 * @throws UserFault where the source is neither, is damaged, has no such member, or the executor does not work here
 */
export async function loadModel(source: string | URL, options: ModelOptions = {}): Promise<Model> {
  const { member, checkpoint, threads } = options
  const executor = executorOf(options)
  if (threads !== undefined && !(Number.isSafeInteger(threads) && threads >= 1)) {
    throw expected('a whole number from 1', 'threads', threads, 'Leave it out for one thread on each core.')
  }
  const model = await openModel(source, { member, checkpoint })
  return new Model(model, new ClassifierPool(model, executor, await createExecutor(executor), threads))
}

/** A model that is loaded: its threads wait for images until it is closed. */
export class Model {
  readonly #pool: ClassifierPool
  readonly #model: DeployedModel

  /** Use loadModel. */
  constructor(model: DeployedModel, pool: ClassifierPool) {
    this.#model = model
    this.#pool = pool
  }

  get classNames(): readonly string[] {
    return this.#model.description.classNames
  }

  get member(): MemberChoice {
    return this.#model.member
  }

  /** Size of the network's input, and the channel statistics of pixels scaled to 0..1. */
  get input(): {
    readonly height: number
    readonly width: number
    readonly mean: readonly number[]
    readonly std: readonly number[]
  } {
    const { height, width, mean, std } = this.#model.description
    return { height, width, mean, std }
  }

  /**
   * The likeliest classes of each image, in the order given.
   * @throws UserFault that names the first image that cannot be classified; `results` goes on after one
   */
  async classify(images: readonly ImageInput[], options: ClassifyOptions = {}): Promise<Prediction[][]> {
    const all: Prediction[][] = []
    for await (const { input, predictions, problem } of this.results(images, options)) {
      if (predictions === null) {
        throw new UserFault(
          `Expected an image that can be classified for ${nameOf(input, all.length)} but received: ${problem}`,
          'Leave it out, or mend it.',
        )
      }
      all.push(predictions)
    }
    return all
  }

  /**
   * As classify, one image after the other, in the order given: few are in memory at a time, and an image that cannot be
   * classified ends nothing.
   */
  async *results<Input extends ImageInput>(
    images: Iterable<Input>,
    { top = 1 }: ClassifyOptions = {},
  ): AsyncGenerator<ImageResult<Input>> {
    if (!(Number.isSafeInteger(top) && top >= 1)) {
      throw expected('a whole number from 1', 'top', top, 'Leave it out for the likeliest class.')
    }
    for await (const { input, logits, problem } of this.#pool.run(images, toThread)) {
      if (logits === null) yield { input, predictions: null, problem }
      else yield { input, predictions: largestClasses(logits, this.classNames, top), problem: null }
    }
  }

  /** Logits of each image, f32 [classes]. @throws UserFault as classify */
  async logits(images: readonly ImageInput[]): Promise<Float32Array[]> {
    const all: Float32Array[] = []
    for await (const { input, logits, problem } of this.#pool.run(images, toThread)) {
      if (logits === null) {
        const name = nameOf(input, all.length)
        throw new UserFault(`Expected an image for ${name} but received: ${problem}`, 'Leave it out, or mend it.')
      }
      all.push(logits)
    }
    return all
  }

  /** Waits until all threads are ready, which classifying does by itself, so that what is timed after it is classifying alone. */
  async ready(): Promise<void> {
    await this.#pool.ready()
  }

  /** Ends the model's threads; without it they end with the process, which they do not keep alive. */
  async close(): Promise<void> {
    await this.#pool.close()
  }
}

function executorOf({ executor = defaultExecutor(), devices }: ModelOptions): ExecutorChoice {
  if (devices !== undefined && executor !== 'xla') {
    throw expected('executor xla', 'devices', executor, 'Leave the devices out, or choose xla.')
  }
  if (executor === 'cpu') return { name: 'cpu' }
  if (executor === 'tfjs') return { name: 'tfjs', backend: 'cpu' }
  if (executor !== 'xla') throw expected('cpu, tfjs or xla', 'executor', executor, 'Leave it out for cpu.')
  const request = parseDevices(devices ?? 'gpu')
  const [gpu = 0] = request.kind === 'gpu' ? request.gpus : []
  const platform = request.kind === 'gpu' ? 'gpu' : 'cpu'
  return { name: 'xla', devices: { platform, devices: platform === 'gpu' ? [gpu] : 1, plugin: null } }
}

function toThread(image: ImageInput): ThreadImage {
  if (!(image instanceof URL)) return image
  if (image.protocol === 'file:') return fileURLToPath(image)
  throw expected('a path or a file: URL', 'an image', image.href, 'Download it first, and give its bytes.')
}

function nameOf(input: ImageInput, place: number): string {
  return typeof input === 'string' || input instanceof URL ? String(input) : `image ${place}`
}
