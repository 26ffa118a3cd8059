import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const root = fileURLToPath(new URL('../../../', import.meta.url))

function checkLayers(folder: string) {
  const { status, stdout } = spawnSync(process.execPath, [join(root, 'scripts/check-layers.mjs'), folder], {
    encoding: 'utf8',
  })
  return { status, lines: stdout.trimEnd().split('\n').slice(0, -1) }
}

/** A folder with the given sources, each a path and its text. */
function sources(folder: string, files: Record<string, string>): string {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  return folder
}

t.test('every import of this package follows the table of layers', (t) => {
  t.same(checkLayers(root), { status: 0, lines: [] })
  t.end()
})

t.test('an import against the arrows is found, whatever its form', (t) => {
  const folder = sources(t.testdir(), {
    'src/vocabulary/shape.ts': 'export type Shape = readonly number[]\n',
    'src/engine/graph/a.ts':
      "import type { Shape } from '../../vocabulary/shape.ts'\nimport {\n  b,\n} from '../../train/run/b.ts'\n",
    'src/engine/graph/c.ts': "const late = await import('../../cli/main.ts')\n",
    'src/engine/graph/d.ts': "export { b } from '../../train/run/b.ts'\n",
    'src/train/run/b.ts': "import '../../cli/main.ts'\n",
  })
  const { status, lines } = checkLayers(folder)
  t.equal(status, 1)
  t.same(
    lines.map((line) => line.split(';')[0]),
    [
      'src/engine/graph/a.ts:4 imports src/train/run/b.ts',
      'src/engine/graph/c.ts:1 imports src/cli/main.ts',
      'src/engine/graph/d.ts:1 imports src/train/run/b.ts',
      'src/train/run/b.ts:1 imports src/cli/main.ts',
    ],
  )
  t.end()
})

t.test('a replica reads slots and nothing else of the input', (t) => {
  const folder = sources(t.testdir(), {
    'src/train/replicas/fine.ts': "import { waitUntilReady } from '../../data/input/slot-ring.ts'\n",
    'src/train/replicas/wrong.ts': "import { InputPipeline } from '../../data/input/pipeline.ts'\n",
  })
  t.match(checkLayers(folder).lines, [/^src\/train\/replicas\/wrong\.ts:1 imports src\/data\/input\/pipeline\.ts;/])
  t.end()
})

t.test('only executors touch the addon, and they stay apart', (t) => {
  const folder = sources(t.testdir(), {
    'src/engine/executors/cpu/plan.ts':
      "createRequire(import.meta.url)(findAddon('one').path)\nimport x from '../tfjs/replay.ts'\n",
    'src/train/run/loop.ts': "const addon = createRequire(import.meta.url)(findAddon('one').path)\n",
    'src/nowhere/file.ts': 'export const a = 1\n',
  })
  t.match(checkLayers(folder).lines, [
    /^src\/engine\/executors\/cpu\/plan\.ts:2 imports src\/engine\/executors\/tfjs\/replay\.ts; .*stay apart/,
    /^src\/nowhere\/file\.ts:1 is in no layer/,
    /^src\/train\/run\/loop\.ts:1 imports the addon/,
  ])
  t.end()
})
