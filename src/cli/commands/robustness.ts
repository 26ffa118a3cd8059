import type { LoadedDataset } from '../../data/datasets/dataset.ts'
import { takeFraction } from '../../data/datasets/take-fraction.ts'
import { ProgressDisplay } from '../../report/progress.ts'
import { robustnessCsv, robustnessFiles, robustnessPictures } from '../../report/robustness-files.ts'
import type { RobustnessResult } from '../../report/robustness-result.ts'
import { gatherRuns } from '../../report/run-folders.ts'
import { writeWhole } from '../../report/write-whole.ts'
import type { ProbeOptions } from '../../studies/probe-minimum.ts'
import { findCheckpoint } from '../../train/checkpoint/checkpoint.ts'
import { loadImages } from '../../train/run/load-images.ts'
import { readConfigWithImages } from '../../train/run/run-images.ts'
import { expected } from '../../vocabulary/fault.ts'
import { EXIT } from '../failure.ts'
import { givenSettings } from '../given-settings.ts'
import { listenForInterrupts } from '../interrupt.ts'
import type { Invocation } from '../invocation.ts'
import { readCheckpointChoice, readWholeNumber } from '../read-option.ts'
import { interruptedCode } from '../signals.ts'
import { textTable } from '../text-table.ts'

/** The paper's: d in 0 .. 5, 5 directions. */
const FARTHEST = 5
const DIRECTIONS = 5
const STEPS = 5
const DEFAULT_FOLDER = 'report'

/** `robustness <runs...>`: every fault is told before anything is measured. */
export async function robustnessCommand({ operands, options }: Invocation): Promise<number> {
  const request = readRequest(options)
  const runs = await gatherRuns(operands)
  const targets = await Promise.all(
    runs.map(async (run) => ({
      config: await readConfigWithImages(run, givenSettings(options)),
      checkpoint: await findCheckpoint(run, request.checkpoint),
    })),
  )
  const { probeMinimum } = await import('../../studies/probe-minimum.ts')
  const display = new ProgressDisplay(process.stderr)
  const interruption = listenForInterrupts(display, 'finishing the evaluation; nothing of it is kept.')
  const results: RobustnessResult[] = []
  try {
    for (const { config, checkpoint } of targets) {
      const onProgress = (done: number, all: number) => display.status(`${config.out}: ${done} of ${all} points`)
      const images = takeParts(loadImages(config), request.fraction)
      const result = await probeMinimum(config, images, checkpoint, {
        ...request.probe,
        onProgress,
        stop: interruption.stop,
      })
      if (result === 'interrupted') return interruptedCode()
      for (const [name, text] of robustnessFiles(result)) await writeWhole(config.out, name, text)
      results.push(result)
    }
  } finally {
    display.close()
    interruption.dispose()
  }
  const folder = await writeTogether(results, options['out'])
  if (options['json'] === true) process.stdout.write(`${JSON.stringify(results)}\n`)
  else process.stdout.write(`${printResults(results)}\nFigures: ${folder}\n`)
  return EXIT.done
}

interface Request {
  readonly probe: Omit<ProbeOptions, 'onProgress' | 'stop'>
  readonly fraction: number
  readonly checkpoint: ReturnType<typeof readCheckpointChoice>
}

/** @throws UserFault */
function readRequest(options: Invocation['options']): Request {
  const count = (name: string, flag: string, standard: number) => {
    const value = readWholeNumber(options[name] ?? standard, flag, 'a whole number from 1')
    if (value < 1) throw expected('a whole number from 1', flag, value, `Correct ${flag}, or leave it out.`)
    return value
  }
  const farthest = readAbove0(options['farthest'] ?? FARTHEST, '--farthest', Number.MAX_VALUE)
  const steps = count('steps', '--steps', STEPS)
  return {
    probe: {
      branch: readWholeNumber(options['branch'] ?? 0, '--branch', 'the number of a branch, from 0'),
      directions: count('directions', '--directions', DIRECTIONS),
      distances: Array.from({ length: steps + 1 }, (_, step) => (farthest * step) / steps),
      seed: readWholeNumber(options['directionSeed'] ?? 1, '--direction-seed', 'a whole number'),
    },
    fraction: readAbove0(options['fraction'] ?? 1, '--fraction', 1),
    checkpoint: readCheckpointChoice(options['checkpoint']),
  }
}

/** @throws UserFault */
function readAbove0(value: unknown, flag: string, most: number): number {
  const number = Number(value)
  if (String(value).trim() !== '' && number > 0 && number <= most) return number
  const what = most === 1 ? 'a number above 0 and at most 1' : 'a number above 0'
  throw expected(what, flag, value, `Correct ${flag}, or leave it out.`)
}

function takeParts(loading: Promise<LoadedDataset>, fraction: number): Promise<LoadedDataset> {
  const parts = loading.then((loaded) => ({
    ...loaded,
    train: takeFraction(loaded.train, fraction),
    test: takeFraction(loaded.test, fraction),
  }))
  parts.catch(() => undefined) // Told where it is awaited, unless something else is wrong before.
  return parts
}

/** @returns the folder with the figures of all runs */
async function writeTogether(results: readonly RobustnessResult[], out: unknown): Promise<string> {
  const [first] = results
  if (results.length === 1 && first !== undefined && typeof out !== 'string') return first.run
  const folder = typeof out === 'string' ? out : DEFAULT_FOLDER
  await writeWhole(folder, 'robustness.csv', robustnessCsv(results))
  for (const [name, svg] of robustnessPictures(results)) await writeWhole(folder, name, svg)
  return folder
}

/** Means over the directions. */
function printResults(results: readonly RobustnessResult[]): string {
  const rows = results.flatMap(({ run, method, points }) => {
    const distances = [...new Set(points.map(({ distance }) => distance))]
    return distances.map((distance) => {
      const there = points.filter((point) => point.distance === distance)
      const mean = (pick: (point: (typeof there)[number]) => number | null) =>
        (there.reduce((sum, point) => sum + (pick(point) ?? Number.NaN), 0) / there.length).toFixed(3)
      const errors = [mean(({ test }) => test.error), mean(({ train }) => train.error)]
      const losses = [mean(({ test }) => test.cross_entropy), mean(({ train }) => train.cross_entropy)]
      return [`${run} (${method})`, String(distance), ...errors, ...losses]
    })
  })
  const head = ['run', 'd', 'test error %', 'train error %', 'test cross-entropy', 'train cross-entropy']
  return textTable(head, rows)
}
