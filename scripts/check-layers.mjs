/**
 * Checks that every import of src/ and workers/ follows the table of layers, and that only its own layer uses an addon.
 * `node scripts/check-layers.mjs [root]` prints each violation as file:line and ends with exit code 1 where there is one.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize, relative, sep } from 'node:path'
import { argv } from 'node:process'
import { fileURLToPath } from 'node:url'

const SLOT_READER = ['src/data/input/slot-ring.ts', 'src/data/input/batch-source.ts']
const DATA = ['src/data/datasets', 'src/data/images', 'src/data/input']
const ENGINE = [
  ...['src/engine/graph', 'src/engine/networks', 'src/engine/methods', 'src/engine/optimizers', 'src/engine/step'],
  'src/engine/executors',
]
const TRAIN = ['src/train/replicas', 'src/train/hosts', 'src/train/checkpoint', 'src/train/evaluation']

/** layer -> what it may import beside itself and src/vocabulary: layers, or single files of a layer. */
export const LAYERS = {
  'src/vocabulary': [],
  'src/engine/graph': [],
  'src/engine/executors': ['src/engine/graph'],
  'src/engine/networks': ['src/engine/graph'],
  'src/engine/methods': ['src/engine/graph', 'src/engine/networks'],
  'src/engine/optimizers': ['src/engine/graph'],
  'src/engine/step': ['src/engine/graph', 'src/engine/networks', 'src/engine/methods', 'src/engine/optimizers'],
  'src/data/images': [],
  'src/data/datasets': ['src/data/images'],
  'src/data/input': ['src/data/datasets', 'src/data/images'],
  'src/config': ENGINE,
  'src/report': ['src/config', ...ENGINE],
  'src/watch': ['src/config', 'src/report', ...ENGINE],
  'src/train/replicas': ['src/engine/graph', 'src/engine/step', 'src/engine/executors', ...SLOT_READER],
  'src/train/evaluation': ['src/train/replicas', 'src/data/input', 'src/engine/graph'],
  'src/train/checkpoint': ['src/config', 'src/engine/graph', 'src/engine/methods', 'src/engine/step'],
  'src/train/hosts': ['src/config', 'src/engine/executors'],
  'src/train/run': ['src/config', 'src/report', ...ENGINE, ...DATA, ...TRAIN],
  'src/studies': ['src/train/run', 'src/config', 'src/report', ...ENGINE, ...DATA, ...TRAIN],
  'src/deploy': ['src/config', 'src/train/run', 'src/train/checkpoint', ...ENGINE, ...DATA],
  'src/api': ['src/train/run', 'src/config', 'src/report', 'src/studies', 'src/deploy', ...ENGINE, ...DATA, ...TRAIN],
  'src/cli': [
    ...['src/api', 'src/train/run', 'src/config', 'src/report', 'src/studies', 'src/deploy', 'src/watch'],
    ...[...ENGINE, ...DATA, ...TRAIN],
  ],
  'src/index.ts': ['src/api', 'src/report', 'src/deploy', ...ENGINE, ...DATA],
  'src/engine/index.ts': ENGINE,
  workers: ['src/engine/executors', 'src/deploy', ...DATA, ...TRAIN],
}

/** Only these load the addons. */
const ADDON_OWNERS = {
  "findAddon('one'": 'src/engine/executors',
  "findAddon('pjrt'": 'src/engine/executors',
  "findAddon('images'": 'src/data/images',
}
/** Its parts stand for different machinery and never import each other. */
const APART = ['src/engine/executors/cpu', 'src/engine/executors/tfjs', 'src/engine/executors/xla']

const IMPORT =
  /(?:^|[\s;])(?:import|export)\s(?:[^'"`;]*?\sfrom\s*)?['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]|(findAddon\('(?:one|images|pjrt)')/g

/**
 * @param {string} root folder that holds src/ and workers/
 * @returns {string[]} one line a violation
 */
export function findViolations(root) {
  return sourcesOf(root).flatMap((file) => {
    const layer = layerOf(file)
    if (layer === null) return [`${file}:1 is in no layer of the table in scripts/check-layers.mjs`]
    return importsOf(root, file).flatMap(({ line, specifier }) => {
      const complaint = complaintAbout(file, layer, specifier)
      return complaint === null ? [] : [`${file}:${line} ${complaint}`]
    })
  })
}

function complaintAbout(file, layer, specifier) {
  const owner = ADDON_OWNERS[specifier] ?? (specifier.endsWith('.node') ? ADDON_OWNERS["findAddon('one'"] : undefined)
  if (owner !== undefined) return layer === owner ? null : `imports the addon; only ${owner} may`
  if (!specifier.startsWith('.')) return null
  const target = normalize(join(dirname(file), specifier))
    .split(sep)
    .join('/')
  const from = APART.find((part) => file.startsWith(`${part}/`))
  const into = APART.find((part) => target.startsWith(`${part}/`))
  if (from !== undefined && into !== undefined && from !== into)
    return `imports ${target}; ${from} and ${into} stay apart`
  const targetLayer = layerOf(target)
  const allowed = ['src/vocabulary', ...LAYERS[layer]]
  if (targetLayer === layer || allowed.includes(targetLayer) || allowed.includes(target)) return null
  return `imports ${target}; ${layer} may import ${allowed.join(', ')}`
}

/** Circles among the rows of the table itself, single files counted as their layer. */
export function findCircle(layers = LAYERS) {
  const done = new Set()
  const walk = (layer, path) => {
    if (path.includes(layer)) return [...path.slice(path.indexOf(layer)), layer]
    if (done.has(layer)) return null
    for (const next of layers[layer] ?? []) {
      const circle = walk(layerOf(next) ?? next, [...path, layer])
      if (circle !== null) return circle
    }
    done.add(layer)
    return null
  }
  for (const layer of Object.keys(layers)) {
    const circle = walk(layer, [])
    if (circle !== null) return circle
  }
  return null
}

function layerOf(path) {
  return Object.keys(LAYERS).find((layer) => path === layer || path.startsWith(`${layer}/`)) ?? null
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
    `layers: ${sourcesOf(root).length} files in ${relative('.', root) || '.'}, ${violations.length} violations`,
  )
  process.exitCode = violations.length === 0 ? 0 : 1
}
