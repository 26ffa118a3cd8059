import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const root = fileURLToPath(new URL('../../../', import.meta.url))

const countLines = (folder: string) =>
  spawnSync(process.execPath, [join(root, 'scripts/count-lines.mjs'), folder], { encoding: 'utf8' })

t.test('no file of this package is over the ceiling', (t) => {
  const { status, stdout } = countLines(root)
  t.equal(status, 0, stdout)
  t.end()
})

t.test('a file over the ceiling is named, one at the ceiling is not', (t) => {
  const folder = t.testdir({
    src: { graph: { 'at.ts': 'line\n'.repeat(400), 'over.ts': 'line\n'.repeat(401) } },
    test: { 'at.test.ts': 'line\n'.repeat(500), 'over.test.ts': 'line\n'.repeat(501) },
  })
  const { status, stdout } = countLines(folder)
  t.equal(status, 1)
  t.match(stdout, /^src\/graph\/over\.ts:1 has 401 lines/m)
  t.match(stdout, /^test\/over\.test\.ts:1 has 501 lines/m)
  t.notMatch(stdout, /at\.(test\.)?ts:1/)
  t.end()
})
