/**
 * Lines of the project's files by folder, with a ceiling no file may pass.
 * `node scripts/count-lines.mjs [root]` prints the table and ends with exit code 1 where a file is too long.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join, sep } from 'node:path'
import { argv } from 'node:process'
import { fileURLToPath } from 'node:url'

const CEILING = 400
const TEST_CEILING = 500
const SOURCE = /\.(ts|mjs|cjs|py|cpp|h|hpp)$/
const FOLDERS = [
  'src',
  'workers',
  'native/common',
  'native/engine',
  'native/images',
  'native/pjrt',
  'scripts',
  'bench',
  'test',
]

/** @returns {{path: string, lines: number}[]} every source file below the folders, fixtures left out */
export function countLines(root) {
  return FOLDERS.flatMap((folder) =>
    namesBelow(join(root, folder))
      .map((name) => `${folder}/${name.split(sep).join('/')}`)
      .filter((path) => SOURCE.test(path) && !path.includes('/fixtures/'))
      .sort()
      .map((path) => ({ path, lines: readFileSync(join(root, path), 'utf8').split('\n').length - 1 })),
  )
}

function namesBelow(folder) {
  try {
    return readdirSync(folder, { recursive: true, encoding: 'utf8' })
  } catch (error) {
    if (error.code === 'ENOENT') return []
    throw error
  }
}

export const tooLong = (files) =>
  files.filter(({ path, lines }) => lines > (path.startsWith('test/') ? TEST_CEILING : CEILING))

/** src/<part>/<layer>, other top folders whole. */
const folderOf = (path) =>
  path
    .split('/')
    .slice(0, -1)
    .slice(0, path.startsWith('src/') ? 3 : 1)
    .join('/')

function printTable(files) {
  const row = (...cells) =>
    console.log(cells.map((cell, at) => (at === 0 ? cell.padEnd(24) : cell.padStart(7))).join(''))
  row('folder', 'files', 'lines', 'median', 'p90', 'max')
  const folders = groupByFolder(files)
  for (const [folder, members] of [...folders, ['all', files]]) {
    const sorted = members.map(({ lines }) => lines).sort((left, right) => left - right)
    const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0
    const sum = sorted.reduce((total, lines) => total + lines, 0)
    row(folder, ...[sorted.length, sum, at(0.5), at(0.9), sorted.at(-1) ?? 0].map(String))
  }
}

function groupByFolder(files) {
  const folders = new Map()
  for (const file of files) folders.set(folderOf(file.path), [...(folders.get(folderOf(file.path)) ?? []), file])
  return folders
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  const files = countLines(argv[2] ?? fileURLToPath(new URL('..', import.meta.url)))
  printTable(files)
  for (const { path, lines } of tooLong(files)) {
    const ceiling = path.startsWith('test/') ? TEST_CEILING : CEILING
    console.log(`${path}:1 has ${lines} lines; the ceiling is ${ceiling}: split it by job`)
    process.exitCode = 1
  }
}
