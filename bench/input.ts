/**
 * `npm run bench:input`: images a second that our pool decodes and augments, against other loaders on the same files and
 * the same boxes. It makes its pictures itself. Rounds go through all candidates in turn, so that a slow minute of the
 * machine hits all alike.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { EncodedSplit } from '../src/data/datasets/dataset.ts'
import { randomResizedCrop } from '../src/data/images/crop-plan.ts'
import { loadImageAddon } from '../src/data/images/image-addon.ts'
import { InputPipeline } from '../src/data/input/pipeline.ts'
import { expected, UserFault } from '../src/vocabulary/fault.ts'
import { randomStream } from '../src/vocabulary/random.ts'
import { type Candidate, ownCifar, ownPool, runPass, SEED, startBaselines } from './input-baselines.ts'
import { figureOf, type InputBenchmark, type InputFigure, printReport, targetsOf } from './input-report.ts'
import { measureTraining } from './input-training.ts'
import { loadAverage, machineFacts } from './machine-facts.ts'
import { type EncodedPicture, packPictures, pictureDataset } from './packed-pictures.ts'
import { readCount } from './read-count.ts'
import { tellUsageFault } from './usage-fault.ts'
import { makeResultFolder, readResultOptions, writeResult } from './write-result.ts'

const HELP = `Usage: npm run bench:input -- [options]

  --python <path>       Python with torch, pillow, numpy, simplejpeg, opencv-python-headless and scikit-image
  --pillow-simd <path>  Python with pillow-simd and numpy
  --pictures <folder>   where the pictures are, or are to be made (default: made anew, and removed)
  --rounds <n>          rounds through all candidates (default 5)
  --memory <images>     images of the memory measurement, 0 = none (default 50000)
  --out <folder>        for input/crops-224/<date> (default results)
  --what <words>        what changed, for the folder's name
docs/baselines.md says how the baselines are installed. Without --python only our own figures are measured, on pictures that are there.`

const REMEDY = 'npm run bench:input -- --help'

/** Passes over a set's pictures in one measurement, so that each takes about a second. */
const PASSES: Readonly<Record<string, number>> = { '500x375': 3, 'short-side-256': 6, '2000x1500': 2 }
const SETS = Object.keys(PASSES)
const SIDE = 224
const WORKERS = [1, 2]

/** @throws TypeError for options that there are not */
function readValues() {
  const { values } = parseArgs({
    options: {
      python: { type: 'string' },
      'pillow-simd': { type: 'string' },
      pictures: { type: 'string' },
      rounds: { type: 'string', default: '5' },
      memory: { type: 'string', default: '50000' },
      out: { type: 'string', default: 'results' },
      what: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  return values
}

/** Makes the pictures where they are not there. */
function makePictures(folder: string, python: string | undefined): void {
  if (existsSync(join(folder, 'pictures.json'))) return
  if (python === undefined) {
    throw expected('made pictures', '--pictures', folder, 'Name a Python with scikit-image that makes them: --python.')
  }
  console.log('making the pictures')
  const script = fileURLToPath(new URL('../../bench/baselines/make_pictures.py', import.meta.url))
  const { status } = spawnSync(python, [script, folder], { stdio: 'inherit' })
  if (status !== 0) throw new UserFault('The pictures could not be made.', 'docs/baselines.md says what that needs.')
}

/** The set's files again and again, `PASSES` times: so do the baselines with the list of boxes. */
function packSet(pictures: string, set: string, folder: string): EncodedSplit {
  const addon = loadImageAddon()
  if ('absence' in addon) throw new UserFault(`No image decoder: ${addon.absence}`, 'Build it: npm run setup')
  const decoder = new addon.JpegDecoder()
  const files = readdirSync(join(pictures, set)).sort()
  const read = files.map((file): EncodedPicture => {
    const bytes = readFileSync(join(pictures, set, file))
    const [width = 0, height = 0] = decoder.header(bytes)
    return { bytes, width, height }
  })
  const repeated = Array.from({ length: PASSES[set] ?? 1 }, () => read).flat()
  return packPictures(repeated, join(folder, `${set}.shard`))
}

/** [left, top, width, height, mirrored] of each sample, as our pool draws them in epoch 0. */
function boxesOf({ count, index }: EncodedSplit): readonly (readonly (number | boolean)[])[] {
  const [widths, heights] = [new Uint32Array(index.width), new Uint32Array(index.height)]
  return Array.from({ length: count }, (_, sample) => {
    const image = { width: widths[sample] ?? 0, height: heights[sample] ?? 0 }
    const plan = randomResizedCrop(randomStream(SEED, 'augment', 0, sample), image, { width: SIDE, height: SIDE })
    return [plan.left, plan.top, plan.width, plan.height, plan.flip]
  })
}

/** What is measured of a candidate: which sets, with how many workers. */
function tasksOf(name: string): readonly { readonly set: string; readonly workers: number }[] {
  if (name.includes('cifar')) return [{ set: 'cifar', workers: 1 }]
  return SETS.flatMap((set) => WORKERS.map((workers) => ({ set, workers })))
}

async function measure(candidates: readonly Candidate[], rounds: number): Promise<InputFigure[]> {
  const tasks = candidates.flatMap((candidate) => tasksOf(candidate.name).map((task) => ({ candidate, ...task })))
  // Neighbours in time are what is compared: all candidates of one set and number of workers.
  tasks.sort((one, other) => one.set.localeCompare(other.set) || one.workers - other.workers)
  const rates = new Map(tasks.map((task): [(typeof tasks)[number], number[]] => [task, []]))
  for (let round = 1; round <= rounds; round++) {
    for (const [task, measured] of rates) measured.push(await task.candidate.rate(task.set, task.workers))
    console.log(`round ${round} of ${rounds}`)
  }
  return [...rates].map(([{ candidate, set, workers }, measured]) => figureOf(set, candidate.name, workers, measured))
}

/** Resident memory while our pool decodes: after each tenth of the images. */
async function measureMemory(split: EncodedSplit, images: number): Promise<InputBenchmark['memory']> {
  if (images === 0) return null
  const dataset = pictureDataset(split, SIDE)
  const pipeline = new InputPipeline({ dataset, batch: 50, slots: 6, decodeWorkers: 2, seed: SEED })
  const megabytes: number[] = []
  const passes = Math.ceil(images / split.count)
  for (let pass = 1; pass <= passes; pass++) {
    await runPass(pipeline)
    if (pass % Math.ceil(passes / 10) === 0) megabytes.push(process.memoryUsage.rss() / 1e6)
  }
  await pipeline.close()
  return { images: passes * split.count, megabytes }
}

async function main(): Promise<void> {
  const values = readValues()
  if (values.help) return console.log(HELP)
  const kept = readResultOptions(values)
  const rounds = readCount('--rounds', values.rounds, REMEDY)
  const memoryImages = readCount('--memory', values.memory, REMEDY, 0)
  const folder = mkdtempSync(join(tmpdir(), 'bench-input-'))
  const before = loadAverage()
  let candidates: Candidate[] = []
  try {
    const pictures = values.pictures ?? join(folder, 'pictures')
    makePictures(pictures, values.python)
    const splits = new Map(SETS.map((set) => [set, packSet(pictures, set, folder)]))
    const boxes = Object.fromEntries([...splits].map(([set, split]) => [set, boxesOf(split)]))
    const crops = join(folder, 'crops.json')
    writeFileSync(crops, JSON.stringify(boxes))
    const pythons = { python: values.python ?? null, pillowSimd: values['pillow-simd'] ?? null }
    const baselines = await startBaselines(pythons, pictures, crops)
    const datasets = new Map([...splits].map(([set, split]) => [set, pictureDataset(split, SIDE)]))
    candidates = [ownPool(datasets), ownCifar(), ...baselines.candidates]
    const figures = await measure(candidates, rounds)
    const shortSide = splits.get('short-side-256')
    const memory = shortSide === undefined ? null : await measureMemory(shortSide, memoryImages)
    const training = measureTraining(pictures, folder)
    const addon = loadImageAddon()
    const benchmark: InputBenchmark = {
      date: new Date().toISOString().slice(0, 10),
      machine: machineFacts(baselines.versions),
      load: { before, after: loadAverage() },
      rounds,
      pictures: JSON.parse(readFileSync(join(pictures, 'pictures.json'), 'utf8')),
      decoder: 'absence' in addon ? 'no addon' : `libjpeg-turbo ${addon.version}, resize ${addon.vectors[0]}`,
      figures,
      targets: targetsOf(figures),
      training,
      memory,
    }
    const printed = printReport(benchmark)
    console.log(printed)
    const results = makeResultFolder(kept, { bench: 'input', subject: `crops-${SIDE}` })
    console.log(writeResult(results, printed, benchmark))
  } finally {
    for (const candidate of candidates) await candidate.close()
    rmSync(folder, { recursive: true })
  }
}

try {
  await main()
} catch (error) {
  tellUsageFault(error)
}
