/** How busy a GPU is while something runs, by nvidia-smi. */
import { spawn } from 'node:child_process'

export interface GpuLoad {
  /** Readings, five a second. */
  readonly samples: number
  /** Percent of the time without a kernel, on average. */
  readonly idlePercent: number
  readonly memoryMiB: number
  readonly watts: number
}

const QUERY = [
  '--id=0',
  '--query-gpu=utilization.gpu,memory.used,power.draw',
  '--format=csv,noheader,nounits',
  '-lms',
  '200',
]

/** Reads until `stop` is called. @returns null from it where there is no nvidia-smi, or it said nothing */
export function watchGpu(): { stop(fromMilliseconds: number): GpuLoad | null } {
  const readings: { readonly at: number; readonly numbers: readonly number[] }[] = []
  const child = spawn('nvidia-smi', QUERY, { stdio: ['ignore', 'pipe', 'ignore'] })
  // Absent: nothing is read.
  child.on('error', () => {})
  let rest = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) readings.push({ at: performance.now(), numbers: line.split(',').map(Number) })
  })
  return {
    stop: (from) => {
      child.kill()
      return summarise(readings.filter(({ at }) => at >= from).map(({ numbers }) => numbers))
    },
  }
}

/** @param readings [percent busy, MiB, watts] each */
export function summarise(readings: readonly (readonly number[])[]): GpuLoad | null {
  const whole = readings.filter(([busy]) => busy !== undefined && Number.isFinite(busy))
  if (whole.length === 0) return null
  const mean = (place: number) => whole.reduce((sum, numbers) => sum + (numbers[place] ?? 0), 0) / whole.length
  const memoryMiB = Math.max(...whole.map(([, memory = 0]) => memory))
  return { samples: whole.length, idlePercent: 100 - mean(0), memoryMiB, watts: mean(2) }
}
