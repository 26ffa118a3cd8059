/** A baseline as its child process: one request at a time, each a line of JSON, each answered by one (docs/baselines.md). */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface, type Interface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import type { DepthwiseLayer } from '../depthwise-layers.ts'
import type { PassTimes } from '../depthwise-passes.ts'

export interface Measurement {
  readonly ms: readonly number[]
  readonly loss: number
  /** Of the whole process since its start. */
  readonly peakRssBytes: number
  /** How it runs, where a baseline has something to say of it. */
  readonly remark?: string
  /** Milliseconds by op over all steps, where a baseline can tell (`profile`). */
  readonly byOp?: Readonly<Record<string, number>>
}

export interface BaselineModes {
  readonly modes: readonly string[]
  readonly versions: Readonly<Record<string, string>>
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>

/** Building a mode compiles in some baselines; none needs this long. */
const REQUEST_LIMIT_MS = 10 * 60_000
const KEPT_STDERR = 2000

export class BaselineProcess {
  readonly #child: Child
  readonly #lines: Interface
  readonly #deadline: number
  #stderr = ''

  /**
   * @param env beside this process's own
   * @param deadline by performance.now(): whoever has not answered by then is ended
   */
  constructor(
    command: readonly string[],
    env: Readonly<Record<string, string>> = {},
    deadline = Number.POSITIVE_INFINITY,
  ) {
    const [program = '', ...args] = command
    this.#deadline = deadline
    this.#child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env } })
    this.#lines = createInterface({ input: this.#child.stdout })
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-KEPT_STDERR)
    })
    // A write to a process that has ended is told by the answer that does not come.
    this.#child.stdin.on('error', () => {})
  }

  modes(): Promise<BaselineModes> {
    return this.#ask<BaselineModes>({ modes: true })
  }

  measure(mode: string, steps: number): Promise<Measurement> {
    return this.#ask<Measurement>({ measure: mode, steps })
  }

  profile(mode: string, steps: number): Promise<Measurement> {
    return this.#ask<Measurement>({ profile: mode, steps })
  }

  /** Of a loader of images (`bench:input`). */
  rate(mode: string, set: string, workers: number): Promise<{ readonly images: number; readonly seconds: number }> {
    return this.#ask({ measure: mode, set, workers })
  }

  /** Of one layer (`bench:depthwise`): milliseconds of its passes. */
  layer(mode: string, layer: DepthwiseLayer, steps: number): Promise<PassTimes> {
    return this.#ask({ measure: mode, layer, steps })
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = once(this.#child, 'exit')
    this.#child.stdin.end()
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 5000)
    await ended
    clearTimeout(timer)
  }

  /** @throws Error with the baseline's own words where it fails, ends or does not answer in time */
  async #ask<Reply extends object>(request: object): Promise<Reply> {
    const line = new Promise<string>((resolve, reject) => {
      const limit = Math.max(1, Math.min(REQUEST_LIMIT_MS, this.#deadline - performance.now()))
      const timer = setTimeout(() => {
        this.#child.kill('SIGKILL')
        const words = this.#stderr.trim().split('\n').at(-1) ?? ''
        finish(() => reject(new Error(`no answer in ${Math.round(limit / 1000)} s: ${words}`)))
      }, limit)
      const ended = () => finish(() => reject(new Error(this.#lastWords())))
      const unstarted = (error: Error) => finish(() => reject(error))
      const answered = (text: string) => finish(() => resolve(text))
      const finish = (act: () => void) => {
        clearTimeout(timer)
        this.#lines.off('line', answered)
        this.#child.off('close', ended).off('error', unstarted)
        act()
      }
      this.#lines.on('line', answered)
      this.#child.on('close', ended).on('error', unstarted)
      this.#child.stdin.write(`${JSON.stringify(request)}\n`)
    })
    // The protocol's two forms; every baseline is a file of this folder.
    const reply = JSON.parse(await line) as Reply | { readonly error: string }
    if ('error' in reply) throw new Error(reply.error)
    return reply
  }

  #lastWords(): string {
    const words = this.#stderr.trim().split('\n').at(-1) ?? ''
    return `the process ended (${this.#child.exitCode ?? this.#child.signalCode}): ${words}`
  }
}
