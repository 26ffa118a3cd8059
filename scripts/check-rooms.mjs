/**
 * Checks that every import of src/ and workers/ follows the rooms' table, and that only its own room uses an addon.
 * `node scripts/check-rooms.mjs [root]` prints each violation as file:line and ends with exit code 1 where there is one.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize, relative, sep } from 'node:path'
import { argv } from 'node:process'
import { fileURLToPath } from 'node:url'

const SLOT_READER = ['src/input/slot-ring.ts', 'src/input/batch-source.ts']
const STEP = ['src/vocabulary', 'src/config', 'src/graph', 'src/networks', 'src/methods', 'src/optimizers']

/** room -> what it may import beside itself: rooms, or single files of a room. */
export const ROOMS = {
  'src/vocabulary': [],
  'src/bundle': ['src/vocabulary'],
  'src/config': ['src/vocabulary', 'src/methods'],
  'src/locks': ['src/vocabulary'],
  'src/datasets': ['src/vocabulary', 'src/images', 'src/locks'],
  'src/graph': ['src/vocabulary'],
  'src/images': ['src/vocabulary'],
  'src/input': ['src/vocabulary', 'src/datasets', 'src/images'],
  'src/networks': ['src/vocabulary', 'src/graph'],
  'src/executors': ['src/vocabulary', 'src/graph'],
  'src/methods': ['src/vocabulary', 'src/graph', 'src/networks'],
  'src/optimizers': ['src/config', 'src/graph'],
  'src/step': STEP,
  'src/replica': ['src/vocabulary', 'src/graph', 'src/step', 'src/executors', ...SLOT_READER],
  'src/checkpoint': ['src/vocabulary', 'src/config', 'src/graph', 'src/methods', 'src/step'],
  'src/report': ['src/vocabulary', 'src/config', 'src/methods'],
  'src/evaluation': ['src/vocabulary', 'src/replica', 'src/input'],
  'src/hosts': ['src/vocabulary', 'src/config', 'src/executors'],
  'src/trainer': [
    ...['src/vocabulary', 'src/config', 'src/datasets', 'src/graph', 'src/networks', 'src/methods', 'src/step'],
    ...['src/input', 'src/executors', 'src/replica', 'src/hosts', 'src/checkpoint', 'src/evaluation', 'src/report'],
    'src/locks',
    'src/optimizers',
  ],
  'src/cli': [
    ...['src/vocabulary', 'src/config', 'src/datasets', 'src/graph', 'src/networks', 'src/methods', 'src/step'],
    ...['src/executors', 'src/hosts', 'src/checkpoint', 'src/evaluation', 'src/report', 'src/trainer', 'src/bundle'],
  ],
  workers: [
    ...['src/vocabulary', 'src/datasets', 'src/input', 'src/replica', 'src/hosts', 'src/executors', 'src/checkpoint'],
  ],
}

/** Only these touch the addons. */
const ADDON_ROOMS = { '#native': 'src/executors', '#pjrt': 'src/executors', '#images': 'src/images' }
/** Its parts stand for different machinery and never import each other. */
const APART = ['src/executors/onednn', 'src/executors/tfjs', 'src/executors/xla']

const IMPORT =
  /(?:^|[\s;])(?:import|export)\s(?:[^'"`;]*?\sfrom\s*)?['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]|['"](#native|#images|#pjrt)['"]/g

/**
 * @param {string} root folder that holds src/ and workers/
 * @returns {string[]} one line a violation
 */
export function findViolations(root) {
  return sourcesOf(root).flatMap((file) => {
    const room = roomOf(file)
    if (room === null) return [`${file}:1 is in no room of the table in scripts/check-rooms.mjs`]
    return importsOf(root, file).flatMap(({ line, specifier }) => {
      const complaint = complaintAbout(file, room, specifier)
      return complaint === null ? [] : [`${file}:${line} ${complaint}`]
    })
  })
}

function complaintAbout(file, room, specifier) {
  const owner = ADDON_ROOMS[specifier] ?? (specifier.endsWith('.node') ? ADDON_ROOMS['#native'] : undefined)
  if (owner !== undefined) return room === owner ? null : `imports the addon; only ${owner} may`
  if (!specifier.startsWith('.')) return null
  const target = normalize(join(dirname(file), specifier))
    .split(sep)
    .join('/')
  const from = APART.find((part) => file.startsWith(`${part}/`))
  const into = APART.find((part) => target.startsWith(`${part}/`))
  if (from !== undefined && into !== undefined && from !== into)
    return `imports ${target}; ${from} and ${into} stay apart`
  const targetRoom = roomOf(target)
  if (targetRoom === room || ROOMS[room].includes(targetRoom) || ROOMS[room].includes(target)) return null
  return `imports ${target}; ${room} may import ${ROOMS[room].join(', ') || 'nothing'}`
}

/** Circles among the rows of the table itself, single files counted as their room. */
export function findCircle(rooms = ROOMS) {
  const done = new Set()
  const walk = (room, path) => {
    if (path.includes(room)) return [...path.slice(path.indexOf(room)), room]
    if (done.has(room)) return null
    for (const next of rooms[room] ?? []) {
      const circle = walk(roomOf(next) ?? next, [...path, room])
      if (circle !== null) return circle
    }
    done.add(room)
    return null
  }
  for (const room of Object.keys(rooms)) {
    const circle = walk(room, [])
    if (circle !== null) return circle
  }
  return null
}

function roomOf(path) {
  return Object.keys(ROOMS).find((room) => path === room || path.startsWith(`${room}/`)) ?? null
}

function sourcesOf(root) {
  return ['src', 'workers'].flatMap((folder) => {
    try {
      return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.ts'))
        .map((name) => `${folder}/${name.split(sep).join('/')}`)
        .sort()
    } catch (error) {
      if (error.code === 'ENOENT') return []
      throw error
    }
  })
}

function importsOf(root, file) {
  const text = readFileSync(join(root, file), 'utf8')
  return [...text.matchAll(IMPORT)].map((match) => {
    const specifier = match[1] ?? match[2] ?? match[3]
    const line = text.slice(0, match.index + match[0].length).split('\n').length
    return { line, specifier }
  })
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  const root = argv[2] ?? fileURLToPath(new URL('..', import.meta.url))
  const circle = findCircle()
  const violations = findViolations(root)
  if (circle !== null) violations.push(`the table itself goes in a circle: ${circle.join(' -> ')}`)
  for (const violation of violations) console.log(violation)
  console.log(
    `rooms: ${sourcesOf(root).length} files in ${relative('.', root) || '.'}, ${violations.length} violations`,
  )
  process.exitCode = violations.length === 0 ? 0 : 1
}
