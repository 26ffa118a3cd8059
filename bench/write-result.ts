/** Where a benchmark keeps its figures: `<out>/<bench>/<subject>/<date>[-<what changed>]/`, as results/README.md says. */
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expected } from '../src/vocabulary/fault.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** What `--out` and `--what` say. */
export interface ResultOptions {
  /** Folder of all results. */
  readonly out: string
  /** What changed, in words; null = nothing is said. */
  readonly what: string | null
}

export interface ResultSubject {
  readonly bench: string
  /** What was measured: runs of one subject replace each other. */
  readonly subject: string
}

/**
 * Before anything is measured, as that may take an hour.
 * @throws UserFault where the folder is a file, or there are no letters for its name
 */
export function readResultOptions({ out, what }: { out: string; what?: string | undefined }): ResultOptions {
  if (statSync(out, { throwIfNoEntry: false })?.isDirectory() === false) {
    throw expected('a folder', '--out', out, 'Name another path.')
  }
  if (what !== undefined && folderName(what) === '') {
    throw expected('words', '--what', what, 'Say what changed since the last run, e.g. --what "own kernels".')
  }
  return { out, what: what ?? null }
}

/**
 * Makes a new folder, never one that is there, and says in its about.json how the run is repeated.
 * @returns its path, for `writeResult`
 */
export function makeResultFolder({ out, what }: ResultOptions, { bench, subject }: ResultSubject): string {
  const parent = join(out, bench, subject)
  mkdirSync(parent, { recursive: true })
  const date = new Date().toISOString().slice(0, 10)
  const folder = join(
    parent,
    `${date}${nextLetter(readdirSync(parent), date)}${what === null ? '' : `-${folderName(what)}`}`,
  )
  mkdirSync(folder)
  const about = { shows: what ?? '', command: `\`${commandLine()}\`` }
  writeFileSync(join(folder, 'about.json'), `${JSON.stringify(about, null, 2)}\n`)
  return folder
}

/** Writes report.md, and run.json where there are figures for programs. @returns what is to be told of it */
export function writeResult(folder: string, report: string, run: object | null): string {
  if (run !== null) writeFileSync(join(folder, 'run.json'), `${JSON.stringify(run, null, 1)}\n`)
  writeFileSync(join(folder, 'report.md'), `${report.trimEnd()}\n`)
  return `Written: ${folder}. To keep it with the project, say what it shows in its about.json, then: npm run results:index`
}

/** The first of a day has none, the next b, c, ... z, zb, ...: in their order by name. */
function nextLetter(taken: readonly string[], date: string): string {
  const letters = taken
    .filter((name) => name.startsWith(date))
    .map((name) => name.slice(date.length).split('-')[0] ?? '')
  const last = letters.sort().at(-1)
  if (last === undefined) return ''
  if (last === '' || last.endsWith('z')) return `${last}b`
  return last.slice(0, -1) + String.fromCharCode(last.charCodeAt(last.length - 1) + 1)
}

/** Words as the name of a folder: lower case, one hyphen between words. */
export const folderName = (words: string) =>
  words
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]+/gu, '-')
    .replaceAll(/^-|-$/g, '')

/** The command that runs; of absolute paths, which say nothing elsewhere, the last part. */
function commandLine(): string {
  const options = process.argv
    .slice(2)
    .map((word) => word.replaceAll(/(?<=^|[=,])\/(?:[^/,]+\/)*/g, ''))
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`))
  const script = process.env['npm_lifecycle_event']
  if (script === undefined) return ['node', relative(ROOT, process.argv[1] ?? ''), ...options].join(' ')
  return ['npm run', script, ...(options.length === 0 ? [] : ['--', ...options])].join(' ')
}
