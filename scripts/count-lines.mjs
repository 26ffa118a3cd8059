/**
 * Lines of the project's files by room, with a ceiling no file may pass.
 * `node scripts/count-lines.mjs [root]` prints the table and ends with exit code 1 where a file is too long.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join, sep } from 'node:path'
import { argv } from 'node:process'
import { fileURLToPath } from 'node:url'

const CEILING = 400
const TEST_CEILING = 500
const SOURCE = /\.(ts|mjs|cjs|py|cpp|h|hpp)$/
const FOLDERS = ['src', 'workers', 'native/src', 'scripts', 'bench', 'test']

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

/** src/<room>, other top folders whole. */
const roomOf = (path) =>
  path
    .split('/')
    .slice(0, path.startsWith('src/') ? 2 : 1)
    .join('/')

function printTable(files) {
  const row = (...cells) =>
    console.log(cells.map((cell, at) => (at === 0 ? cell.padEnd(16) : cell.padStart(7))).join(''))
  row('room', 'files', 'lines', 'median', 'p90', 'max')
  const rooms = groupByRoom(files)
  for (const [room, members] of [...rooms, ['all', files]]) {
    const sorted = members.map(({ lines }) => lines).sort((left, right) => left - right)
    const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0
    const sum = sorted.reduce((total, lines) => total + lines, 0)
    row(room, ...[sorted.length, sum, at(0.5), at(0.9), sorted.at(-1) ?? 0].map(String))
  }
}

function groupByRoom(files) {
  const rooms = new Map()
  for (const file of files) rooms.set(roomOf(file.path), [...(rooms.get(roomOf(file.path)) ?? []), file])
  return rooms
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
