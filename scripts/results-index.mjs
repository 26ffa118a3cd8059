/**
 * `npm run results:index [-- --check] [root]`: writes the tables of results/README.md, between its two marks, from the about.json
 * of each run. A run lies in results/<bench>/<subject>/<date>[-<what changed>]; one that is added to as time goes on lies in
 * results/<bench>[/<subject>]. With --check nothing is written: exit code 1 where the tables are not those of the runs that git knows.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { argv } from 'node:process'
import { fileURLToPath } from 'node:url'
import { listedFiles } from './listed-files.mjs'

const BEGIN = '<!-- The tables are written by `npm run results:index`. -->'
const END = '<!-- The end of the tables. -->'
const ABOUT = 'about.json'
/** Fields of about.json. Links in `shows` and `command`, which are Markdown, begin at results/. */
const FIELDS = {
  shows: 'string',
  command: 'string',
  /** Whether it stands for its subject although a later run is there, which measured less. */
  current: 'boolean',
  /** What the run's name leads to. */
  report: 'string',
}
const REQUIRED = ['shows', 'command']

/**
 * @param {string} folder results/
 * @param {readonly string[]} paths of about.json files, below it
 * @returns the runs, the current one of each subject first, then from the latest to the earliest
 */
export function readRuns(folder, paths) {
  const runs = paths.map((path) => readRun(folder, path))
  const rank = ({ bench, subject }) => `${bench}/${subject}`
  runs.sort(
    (one, other) =>
      compare(rank(one), rank(other)) ||
      Number(other.current ?? false) - Number(one.current ?? false) ||
      compare(other.run, one.run),
  )
  const double = runs.find((run, at) => run.current && runs[at - 1]?.current && rank(run) === rank(runs[at - 1]))
  if (double !== undefined) throw new Error(`Expected one current run of ${rank(double)} but received two`)
  return runs
}

function readRun(folder, path) {
  const place = dirname(path)
  const about = JSON.parse(readFileSync(join(folder, path), 'utf8'))
  const complain = (what) => new Error(`Expected ${what} in results/${path}. Correct it, then: npm run results:index`)
  for (const name of REQUIRED) {
    if (typeof about[name] !== 'string' || about[name].trim() === '') throw complain(`what the run is in "${name}"`)
  }
  for (const [name, value] of Object.entries(about)) {
    if (typeof value !== FIELDS[name]) {
      throw complain(`${Object.keys(FIELDS).join(', ')} and nothing else, but received ${name}`)
    }
  }
  const [bench, subject = '', run = '', ...deeper] = place.split('/')
  if (deeper.length > 0) throw complain('a folder <bench>/<subject>/<run>, nothing deeper,')
  const target = join(place, about.report ?? 'report.md')
    .split(sep)
    .join('/')
  if (!existsSync(join(folder, target))) throw complain(`the name of a file that is there: ${target} is not`)
  return { ...about, bench, subject, run, target }
}

/** One table a bench. */
export function printTables(runs) {
  const benches = [...new Set(runs.map(({ bench }) => bench))]
  return benches.flatMap((bench) => [
    `### ${bench}\n`,
    '| subject | run | what it shows | command |',
    '|---|---|---|---|',
    ...runs
      .filter((run) => run.bench === bench)
      .map((run, at, all) => printRow(run, all[at - 1]?.subject !== run.subject)),
    '',
  ])
}

function printRow({ subject, run, target, shows, command }, isFirst) {
  const link = `[${run === '' ? 'as it is' : run}](${target})`
  const cells = isFirst ? [`**${subject}**`, `**${link}**`] : ['', link]
  return `| ${[subject === '' ? '' : cells[0], cells[1], cell(shows), cell(command)].join(' | ')} |`
}

const cell = (text) => text.replaceAll(/\s*\n\s*/g, ' ').replaceAll('|', '\\|')
const compare = (one, other) => (one < other ? -1 : Number(one > other))

/** @returns the README with the tables of the runs */
export function withTables(readme, runs) {
  const [before, after] = [readme.indexOf(BEGIN), readme.indexOf(END)]
  if (before < 0 || after < before) throw new Error(`Expected the lines "${BEGIN}" and "${END}" in results/README.md`)
  return `${readme.slice(0, before)}${BEGIN}\n\n${printTables(runs).join('\n')}\n${readme.slice(after)}`
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  const check = argv.includes('--check')
  const root = argv.slice(2).find((word) => word !== '--check') ?? fileURLToPath(new URL('..', import.meta.url))
  const folder = join(root, 'results')
  const there = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((path) => path.split(sep).join('/'))
  // A run that was made here and is not yet added to git is no reason to fail.
  const known = check ? listedFiles(root, ['--cached'])?.map((path) => path.replace(/^results\//, '')) : null
  const paths = there.filter((path) => path.endsWith(`/${ABOUT}`) && (known?.includes(path) ?? true))
  const readme = join(folder, 'README.md')
  const text = readFileSync(readme, 'utf8')
  let wanted = ''
  try {
    wanted = withTables(text, readRuns(folder, paths))
  } catch (error) {
    console.log(error.message)
    process.exit(1)
  }
  if (check && wanted !== text) {
    console.log(
      'The tables of results/README.md are not those of the runs that git knows: npm run results:index, then git add results',
    )
    process.exitCode = 1
  } else {
    if (!check) writeFileSync(readme, wanted)
    console.log(`${paths.length} runs in ${relative('.', readme)}`)
  }
}
