/** A whole training run on the benchmark's pictures: how long its replica waits for images. */
import { spawnSync } from 'node:child_process'
import { cpSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const NETWORK = 'imagenet-resnet-18'
const BATCH = 32
const STEPS = 12

/** Sets that are the classes of the run. */
const CLASSES = ['500x375', 'short-side-256'] as const

export interface TrainingWait {
  readonly network: string
  readonly steps: number
  readonly batch: number
  readonly imagesPerSecond: number
  /** Part of the run that the replica waited for images, percent. */
  readonly inputWait: number
}

/** @param folder for the prepared shards and the run @throws Error with the command's own words where one fails */
export function measureTraining(pictures: string, folder: string): TrainingWait {
  for (const set of CLASSES) cpSync(join(pictures, set), join(folder, 'photos', set), { recursive: true })
  runCli(folder, ['prepare', 'photos', 'shards'])
  const settings = ['--network', NETWORK, '--method', 'vanilla', '--batch', `${BATCH}`, '--steps', `${STEPS}`]
  runCli(folder, ['train', '--dataset', 'image-folder', '--data', 'shards', ...settings, '--out', 'run'])
  const lines = readFileSync(join(folder, 'run', 'metrics.jsonl'), 'utf8')
    .trim()
    .split('\n')
  for (const line of lines) {
    // metrics.jsonl is written by ourselves; src/report/metrics.ts describes it.
    const parsed: { kind: string; images_per_second: number; input_wait?: number } = JSON.parse(line)
    if (parsed.kind === 'epoch' && parsed.input_wait !== undefined) {
      const { images_per_second: imagesPerSecond, input_wait: inputWait } = parsed
      return { network: NETWORK, steps: STEPS, batch: BATCH, imagesPerSecond, inputWait }
    }
  }
  throw new Error(`Expected a line of an epoch in the run's metrics but received ${lines.length} others`)
}

const CLI = fileURLToPath(new URL('../src/cli/main.js', import.meta.url))

function runCli(cwd: string, argv: readonly string[]): void {
  const { status, stderr } = spawnSync(process.execPath, [CLI, ...argv], { cwd, encoding: 'utf8' })
  if (status !== 0) throw new Error(`${argv[0]} ended with exit code ${status}: ${stderr}`)
}
