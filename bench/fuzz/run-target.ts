/** All cases of one target, each with a time limit, in processes that may die. */
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { FuzzAnswer, FuzzTask } from './fuzz-child.ts'

const CHILD = fileURLToPath(new URL('./fuzz-child.js', import.meta.url))
/** Most memory of a process: a reader that takes what a damaged length asks for is ended by it, and found. */
const HEAP_MEGABYTES = 1024

export interface TargetResult {
  readonly name: string
  readonly mutations: number
  readonly refused: number
  readonly accepted: number
  readonly seconds: number
  /** Longest time between two answers of a process that was under way. */
  readonly slowestMs: number
  readonly findings: readonly { readonly number: number; readonly damage: string; readonly what: string }[]
}

/** @param limitMs for one case */
export async function runTarget(name: string, seed: number, mutations: number, limitMs: number): Promise<TargetResult> {
  const began = performance.now()
  const counts = { refused: 0, accepted: 0 }
  const findings: TargetResult['findings'][number][] = []
  let [next, slowestMs] = [0, 0]
  while (next < mutations) {
    const take = ({ number, damage, verdict }: FuzzAnswer, ms: number) => {
      if (number > 0) slowestMs = Math.max(slowestMs, ms)
      if (verdict.kind === 'finding') findings.push({ number, damage, what: verdict.what })
      else counts[verdict.kind] += 1
      next = number + 1
    }
    const end = await runProcess({ target: name, seed, from: next, to: mutations }, limitMs, take)
    if (end === null) break
    findings.push({ number: next, damage: '', what: end })
    next += 1
  }
  return { name, mutations, ...counts, seconds: (performance.now() - began) / 1000, slowestMs, findings }
}

/** @returns null where it did all, else what it died of */
function runProcess(
  task: FuzzTask,
  limitMs: number,
  take: (answer: FuzzAnswer, ms: number) => void,
): Promise<string | null> {
  return new Promise((resolve, reject) => {
    const child = fork(CHILD, {
      execArgv: ['--enable-source-maps', `--max-old-space-size=${HEAP_MEGABYTES}`],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    let [overdue, done, stderr] = [false, task.from, '']
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr = `${stderr}${text}`.slice(-2000)
    })
    const end = () => {
      overdue = true
      child.kill('SIGKILL')
    }
    // The first answer waits for the samples too.
    let clock = setTimeout(end, 10 * limitMs)
    let at = performance.now()
    child.on('message', (answer: FuzzAnswer) => {
      clearTimeout(clock)
      const now = performance.now()
      take(answer, now - at)
      at = now
      done = answer.number + 1
      clock = setTimeout(end, limitMs)
    })
    child.on('error', reject)
    child.on('close', (code, signal) => {
      clearTimeout(clock)
      if (done === task.to && code === 0) resolve(null)
      else if (overdue) resolve(`no answer within ${limitMs} ms`)
      else resolve(`the process ended with ${signal ?? `code ${code}`}: ${stderr.trim()}`)
    })
    child.send(task)
  })
}
