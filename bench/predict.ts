/**
 * `npm run bench:predict -- <run or export>`: images/s of a model here and of its ONNX export in onnxruntime-node, the same pixels,
 * batch and cores, in turn. Decoding is in neither. `npm run test:deploy` installs onnxruntime-node.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { exportModel } from '../src/deploy/export/export-model.ts'
import { loadModel, type Model } from '../src/deploy/model.ts'
import { allowedCores } from '../src/vocabulary/allowed-cores.ts'
import { expected, UserFault } from '../src/vocabulary/fault.ts'
import { randomStream } from '../src/vocabulary/random.ts'
import { loadAverage, machineFacts } from './machine-facts.ts'
import { tellUsageFault } from './usage-fault.ts'

const HELP = `npm run bench:predict -- <run or export> [--member 0 | ensemble] [--rounds 7] [--images 256] [--json]
Compares with onnxruntime-node on as many cores as the process may use: taskset -c 0 npm run bench:predict -- ... for one.`

const FOLDER = process.env['NATIVE_ENSEMBLE_DEPLOY'] ?? fileURLToPath(new URL('../../.deploy', import.meta.url))

/** What is used of onnxruntime-node. */
interface Ort {
  readonly InferenceSession: {
    create(
      path: string,
      options: Record<string, unknown>,
    ): Promise<{ run(feeds: Record<string, unknown>): Promise<unknown> }>
  }
  readonly Tensor: new (type: string, data: Uint8Array, dims: readonly number[]) => unknown
}

/** Images of one run of onnxruntime. */
const BATCHES = [1, 8, 32] as const

type Candidate = { readonly name: string; readonly run: () => Promise<void>; readonly speeds: number[] }

async function main(argv: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      member: { type: 'string' },
      rounds: { type: 'string', default: '7' },
      images: { type: 'string', default: '256' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  const [source] = positionals
  if (values.help || source === undefined) {
    console.log(HELP)
    return
  }
  const [rounds, count] = [readCount(values.rounds, '--rounds'), readCount(values.images, '--images')]
  const member = values.member === undefined || values.member === 'ensemble' ? values.member : Number(values.member)
  const ort = loadOrt()
  const folder = mkdtempSync(join(tmpdir(), 'native-ensemble-predict-'))
  const model = await loadModel(source, member === undefined ? {} : { member })
  try {
    await model.ready()
    const candidates = [await ours(model, count), ...(await theirs(ort, folder, source, member, model, count))]
    const before = loadAverage()
    for (const { run } of candidates) await run()
    for (let round = 0; round < rounds; round++) {
      for (const { run, speeds } of candidates) {
        const began = performance.now()
        await run()
        speeds.push((1000 * count) / (performance.now() - began))
      }
    }
    report(candidates, { before, after: loadAverage() }, values.json)
  } finally {
    await model.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Pixels of the input's size: preparing them copies them. */
function drawPixels({ input }: Model, count: number): Uint8Array[] {
  const random = randomStream(1, 'augment')
  const bytes = input.height * input.width * 3
  return Array.from({ length: count }, () => Uint8Array.from({ length: bytes }, () => random.below(256)))
}

async function ours(model: Model, count: number): Promise<Candidate> {
  const { height, width } = model.input
  // Twice the size, halved by the crop's resize, would time the resize too.
  const images = drawPixels(model, count).map((pixels) => ({ pixels, height, width }))
  const run = async () => {
    await model.logits(images)
  }
  return { name: 'native-ensemble', run, speeds: [] }
}

async function theirs(
  ort: Ort,
  folder: string,
  source: string,
  member: number | 'ensemble' | undefined,
  model: Model,
  count: number,
): Promise<Candidate[]> {
  const out = join(folder, 'model.onnx')
  await exportModel(source, { format: 'onnx', input: 'uint8', member, out }, () => undefined)
  const threads = { intraOpNumThreads: allowedCores().length, interOpNumThreads: 1 }
  const session = await ort.InferenceSession.create(out, threads)
  const { height, width } = model.input
  const images = drawPixels(model, count)
  return BATCHES.filter((batch) => batch <= count).map((batch) => {
    const feeds = Array.from({ length: Math.ceil(count / batch) }, (_, place) => {
      const part = images.slice(place * batch, (place + 1) * batch)
      return { images: new ort.Tensor('uint8', Uint8Array.from(Buffer.concat(part)), [part.length, height, width, 3]) }
    })
    const run = async () => {
      for (const feed of feeds) await session.run(feed)
    }
    return { name: `onnxruntime-node, batch ${batch}`, run, speeds: [] }
  })
}

function report(candidates: readonly Candidate[], load: { before: number; after: number }, json: boolean): void {
  const rows = candidates.map(({ name, speeds }) => {
    const sorted = [...speeds].sort((left, right) => left - right)
    const at = (part: number) => Math.round(sorted[Math.floor(part * (sorted.length - 1))] ?? 0)
    return { name, images_per_second: at(0.5), least: at(0), most: at(1), rounds: speeds.length }
  })
  const [own, ...others] = rows
  const ratio = (own?.images_per_second ?? 0) / Math.max(...others.map((row) => row.images_per_second))
  const cores = allowedCores().length
  if (json) console.log(JSON.stringify({ machine: machineFacts({}), cores, load, ratio, rows }, null, 2))
  else {
    console.log(
      `${cores} cores, load average ${load.before} before and ${load.after} after; images/s, median (least - most)`,
    )
    for (const { name, images_per_second: median, least, most } of rows)
      console.log(`${name}: ${median} (${least} - ${most})`)
    console.log(`against onnxruntime-node's best batch: ${ratio.toFixed(2)}`)
  }
}

function loadOrt(): Ort {
  try {
    // It has no types where it is not installed: this cast is the border.
    return createRequire(join(FOLDER, 'package.json'))('onnxruntime-node') as Ort
  } catch (cause) {
    const reason = cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause)
    throw new UserFault(
      `Expected onnxruntime-node in ${FOLDER} but received: ${reason}.`,
      'Install it: npm run test:deploy.',
    )
  }
}

function readCount(text: string, name: string): number {
  if (/^[1-9]\d{0,6}$/.test(text)) return Number(text)
  throw expected('a whole number from 1', name, text, 'Leave it out for the default.')
}

try {
  await main(process.argv.slice(2))
} catch (error) {
  tellUsageFault(error)
}
