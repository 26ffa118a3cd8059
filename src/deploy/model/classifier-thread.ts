/**
 * What a thread of a model does: reads images into a batch and runs the network on it. Each thread has a core of its own and
 * runs its batches alone, so none waits for another.
 */

import type { CompiledProgram } from '../../engine/executors/executor.ts'
import { createExecutor } from '../../engine/executors/executor-choice.ts'
import type { Program } from '../../engine/graph/program.ts'
import { UserFault } from '../../vocabulary/fault.ts'
import type { ClassifierSetup, ClassifyReply, ClassifyTask, ThreadImage } from './classify-task.ts'
import { createImageReader, type ImageReader } from './read-image.ts'

/** What libvips puts before its reasons. */
const LIBRARY = /^vips\w+: /i
const NO_REASON = 'Unknown error'

function reasonOf(cause: unknown): string {
  const lines = (cause instanceof Error ? cause.message : String(cause)).trim().split('\n')
  return lines.find((line) => line !== NO_REASON)?.replace(LIBRARY, '') ?? 'it cannot be decoded'
}

/** Runs a batch: pixels of `rows` images in, their logits out. */
type Run = (pixels: Uint8Array, rows: number, logits: Float32Array) => void

export interface Classifier {
  classify(task: ClassifyTask): Promise<ClassifyReply>
  /** Resolves when the executor is loaded and the largest batch compiled, or either has failed, which `classify` then says. */
  readonly ready: Promise<void>
}

/** What does the tasks of one thread. Smaller batches are compiled when they are first needed. */
export function createClassifier(setup: ClassifierSetup): Classifier {
  const { height, width } = setup.preparation.input
  const imageBytes = height * width * 3
  const read = createImageReader(setup.preparation)
  const largest = Math.max(...setup.programs.map(({ batch }) => batch))
  const pixels = new Uint8Array(largest * imageBytes)
  const running = prepareRuns(setup)

  const classify = async ({ images }: ClassifyTask): Promise<ClassifyReply> => {
    try {
      const problems = await readAll(read, images, pixels, imageBytes)
      const logits = new Float32Array(images.length * setup.classes)
      const run = await running
      if (problems.some((problem) => problem === null)) run(pixels, images.length, logits)
      return { kind: 'classified', logits, problems }
    } catch (error) {
      const { message, stack = '' } = error instanceof Error ? error : new Error(String(error))
      return { kind: 'failed', message, stack, remedy: error instanceof UserFault ? error.remedy : null }
    }
  }
  const ended = () => undefined
  return { classify, ready: running.then(ended, ended) }
}

/** @returns why each image cannot be classified, null where it lies in its row */
async function readAll(read: ImageReader, images: readonly ThreadImage[], pixels: Uint8Array, imageBytes: number) {
  const problems: (string | null)[] = images.map(() => null)
  const pending: Promise<void>[] = []
  const note = (row: number, cause: unknown) => {
    problems[row] = reasonOf(cause)
    pixels.fill(0, row * imageBytes, (row + 1) * imageBytes)
  }
  for (const [row, image] of images.entries()) {
    try {
      const decoded = read(image, pixels, row * imageBytes)
      if (decoded !== null) pending.push(decoded.catch((cause: unknown) => note(row, cause)))
    } catch (cause) {
      note(row, cause)
    }
  }
  await Promise.all(pending)
  return problems
}

async function prepareRuns({ executor: choice, programs, layout, state, ...setup }: ClassifierSetup): Promise<Run> {
  const executor = await createExecutor(choice)
  const exchange = setup.exchange ?? new SharedArrayBuffer(executor.exchangeBytes(programs, layout, 1))
  const number = Atomics.add(new Int32Array(setup.begun), 0, 1) % setup.cores.length
  const place = { replica: 0, replicas: 1, cores: [setup.cores[number] ?? 0] }
  const compiled = new Map<Program, CompiledProgram>()
  const scalars = new Float32Array(0)
  const labels = new Int32Array(0)
  const compile = (rows: number) => {
    const program = programs.find(({ batch }) => batch >= rows)
    if (program === undefined) throw new Error(`Expected a program for ${rows} images but received none`)
    const ready = compiled.get(program) ?? executor.compile(program, layout, { state, exchange }, place)
    compiled.set(program, ready)
    return { batch: program.batch, ready }
  }
  const { batch: largest } = compile(Math.max(...programs.map(({ batch }) => batch)))
  return (pixels, rows, logits) => {
    const { batch, ready } = compile(rows)
    const images = pixels.subarray(0, batch * (pixels.length / largest))
    const outputs = batch === rows ? logits : new Float32Array(batch * setup.classes)
    ready.run({ images, labels, scalars }, outputs)
    if (outputs !== logits) logits.set(outputs.subarray(0, logits.length))
  }
}
