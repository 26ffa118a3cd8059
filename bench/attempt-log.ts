/** A file of JSON lines that is written as work goes on: whoever begins again behind a process that died goes on with it. */
import { appendFileSync, existsSync, readFileSync } from 'node:fs'

/** A line: `begin` = this is tried now; `name` with what it came to; `left` = there was no time for it. */
export type LogLine = Readonly<Record<string, unknown>> &
  ({ readonly begin: string } | { readonly name: string } | { readonly left: string })

export class AttemptLog {
  readonly #path: string
  readonly #deadline: number
  readonly #begun: ReadonlySet<string>

  /** @param seconds after which nothing more is begun */
  constructor(path: string, seconds: number) {
    this.#path = path
    this.#deadline = performance.now() + 1000 * seconds
    this.#begun = new Set(readLog(path).flatMap((line) => ('begin' in line ? [String(line['begin'])] : [])))
  }

  /**
   * Does the work and writes what it gives, or its error; not where an earlier process began it, or time is over.
   * @returns the error, null where there was none
   */
  attempt(name: string, work: () => Readonly<Record<string, unknown>>): string | null {
    if (this.#begun.has(name)) return null
    if (performance.now() > this.#deadline) {
      this.#write({ left: name })
      return null
    }
    this.#write({ begin: name })
    const begin = performance.now()
    const since = () => Math.round(performance.now() - begin)
    try {
      this.#write({ name, ...work(), milliseconds: since() })
      return null
    } catch (error) {
      const message = (error instanceof Error ? error.message : String(error)).slice(0, 1500)
      this.#write({ name, error: message, milliseconds: since() })
      return message
    }
  }

  #write(line: LogLine): void {
    appendFileSync(this.#path, `${JSON.stringify(line)}\n`)
  }
}

/** All whole lines; empty where there is no file. */
export function readLog(path: string): LogLine[] {
  if (!existsSync(path)) return []
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line.endsWith('}'))
    .map((line) => JSON.parse(line))
}

/** What was begun and did not end: the process died in it. */
export function killers(lines: readonly LogLine[]): string[] {
  const ended = new Set(lines.flatMap((line) => ('name' in line ? [line['name']] : [])))
  return lines.flatMap((line) => ('begin' in line && !ended.has(line['begin']) ? [String(line['begin'])] : []))
}
