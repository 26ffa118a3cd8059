/** The parts of `bench:gpu`: each measures one thing and ends within the seconds that it is given. */
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { MetricsLine } from '../src/report/metrics.ts'
import { readLog } from './attempt-log.ts'
import type { Baseline } from './baselines/baseline-catalogue.ts'
import { BaselineProcess } from './baselines/baseline-process.ts'
import type { StepTask } from './baselines/step-task.ts'
import { writeRandomCifar100 } from './drawn-cifar100.ts'
import { watchGpu } from './gpu-load.ts'
import { folderName } from './write-result.ts'

/** Runs of steps whose median is taken, and about how long each lasts. */
const RUNS = 7
const RUN_MILLISECONDS = 1000
/** A process that is asked to end has so long before it is killed. */
const GRACE_SECONDS = 8

/** What a part came to. */
export type PartResult = Readonly<Record<string, unknown>>

export interface StepPart {
  readonly baseline: Baseline
  readonly mode: string
  readonly task: StepTask
  readonly env?: Readonly<Record<string, string>>
}

/** Time of a training step, in a process of its own. @throws Error with the baseline's words, or where time is over */
export async function timeStep({ baseline, mode, task, env = {} }: StepPart, seconds: number): Promise<PartResult> {
  const begin = performance.now()
  const deadline = begin + 1000 * seconds
  const process = new BaselineProcess(baseline.command(task), env, deadline)
  try {
    const probe = await process.measure(mode, 5)
    const readySeconds = (performance.now() - begin) / 1000
    const steps = Math.min(200, Math.max(2, Math.round(RUN_MILLISECONDS / mean(probe.ms))))
    const runs: number[] = []
    let last = probe
    // Half of a run is left for the end of the process.
    while (runs.length < RUNS && performance.now() + 1.5 * steps * mean(probe.ms) < deadline) {
      last = await process.measure(mode, steps)
      runs.push(mean(last.ms))
    }
    if (runs.length === 0) runs.push(mean(probe.ms))
    const sorted = runs.toSorted((left, right) => left - right)
    const median = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
    const { loss, peakRssBytes, remark = null } = last
    const imagesPerSecond = Math.round((1000 * task.batch) / median)
    return {
      milliseconds_a_step: median,
      images_per_second: imagesPerSecond,
      runs,
      steps,
      readySeconds,
      loss,
      peakRssBytes,
      remark,
    }
  } finally {
    await process.stop()
  }
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length

/** `check:device` for as long as there is time. */
export async function checkDevice(device: StepTask['device'], out: string, seconds: number): Promise<PartResult> {
  const file = join(out, 'device-check.jsonl')
  const script = fileURLToPath(new URL('./device-check.js', import.meta.url))
  const begun = Math.max(1, Math.floor(seconds - GRACE_SECONDS))
  const args = [script, device, '--out', file, '--seconds', String(begun), '--stride', '6']
  const { status, stdout } = await runProgram(args, seconds, 'SIGKILL')
  const lines = readLog(file)
  const bad = lines.filter((line) => 'error' in line || (Array.isArray(line['faults']) && line['faults'].length > 0))
  const compared = lines.filter((line) => 'faults' in line).length
  return { status, compared, bad, said: stdout.trimEnd().split('\n').slice(-1) }
}

/** A training by the command line, with the decode pool, on drawn pixels: its speed, and how long the GPU waits for images. */
export async function train(task: StepTask, seconds: number): Promise<PartResult> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-gpu-'))
  const begin = performance.now()
  try {
    const data = join(folder, 'data')
    mkdirSync(data)
    writeRandomCifar100(data)
    const run = join(folder, 'run')
    const cli = fileURLToPath(new URL('../src/cli/main.js', import.meta.url))
    const onGpu = task.device === 'gpu'
    const options = {
      network: task.network,
      branches: task.branches,
      dataset: 'cifar100',
      data,
      epochs: 1000,
      batch: task.batch,
      precision: onGpu ? 'bf16' : 'fp32',
      devices: onGpu ? 'gpu:0' : 'xla-cpu',
      'decode-workers': onGpu ? 3 : 1,
      'log-every': onGpu ? 50 : 2,
      'evaluate-every': 1000,
      out: run,
    }
    const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)])
    const load = watchGpu()
    const left = seconds - (performance.now() - begin) / 1000
    // SIGINT: it ends after the step that it is in.
    const { status, stderr } = await runProgram([cli, 'train', ...args], left - GRACE_SECONDS, 'SIGINT')
    const lines = readMetrics(join(run, 'metrics.jsonl'))
    // The first lines hold the time to compile; the GPU is looked at in the second half.
    const busy = load.stop(begin + 500 * seconds)
    const speeds = lines.flatMap((line) => (line.kind === 'step' ? [line.images_per_second] : [])).slice(2)
    const sorted = speeds.toSorted((left, right) => left - right)
    const epochs = lines.filter((line) => line.kind === 'epoch')
    return {
      status,
      steps: lines.at(-1)?.step ?? 0,
      images_per_second: sorted[Math.floor(sorted.length / 2)] ?? null,
      epochs,
      gpu: busy,
      said: speeds.length === 0 ? stderr.slice(-800) : null,
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function readMetrics(path: string): MetricsLine[] {
  try {
    const lines = readFileSync(path, 'utf8')
      .split('\n')
      .filter((line) => line.endsWith('}'))
    return lines.map((line) => JSON.parse(line))
  } catch {
    return []
  }
}

interface Ended {
  readonly status: number | string
  readonly stdout: string
  readonly stderr: string
}

/** Runs a Node program; after the seconds it gets the signal, and is killed where that does not end it. */
function runProgram(args: readonly string[], seconds: number, signal: 'SIGINT' | 'SIGKILL'): Promise<Ended> {
  return new Promise((resolve, reject) => {
    // A group of its own, so that its children end with it.
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true })
    let [stdout, stderr] = ['', '']
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-4000)
    })
    const kill = (how: 'SIGINT' | 'SIGKILL') => {
      if (child.pid === undefined) return
      if (how === 'SIGINT') child.kill(how)
      else process.kill(-child.pid, how)
    }
    const first = setTimeout(() => kill(signal), Math.max(1, 1000 * seconds))
    const last = setTimeout(() => kill('SIGKILL'), Math.max(1, 1000 * (seconds + GRACE_SECONDS - 1)))
    child.on('error', reject)
    child.on('close', (status, by) => {
      clearTimeout(first)
      clearTimeout(last)
      resolve({ status: status ?? by ?? 'unknown', stdout, stderr })
    })
  })
}

/** The first GPU's name as a folder's name, e.g. `h200`. */
export function gpuName(): string {
  const { gpus } = describeGpu()
  const name = Array.isArray(gpus) ? String(gpus[0] ?? '').split(',')[0] : ''
  return folderName((name ?? '').replace(/^NVIDIA /, '')) || 'unknown-gpu'
}

/** The GPU and what drives it, by nvidia-smi; what is said where there is none. */
export function describeGpu(): PartResult {
  const fields = 'name,memory.total,driver_version,clocks.max.sm,power.limit'
  const { status, stdout, error } = spawnSync('nvidia-smi', [`--query-gpu=${fields}`, '--format=csv,noheader'], {
    encoding: 'utf8',
    timeout: 20_000,
  })
  return status === 0
    ? { gpus: stdout.trim().split('\n'), fields }
    : { gpus: [], fields, why: error?.message ?? `${status}` }
}
