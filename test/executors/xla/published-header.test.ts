/** native/pjrt/abi.hpp against the header that XLA publishes: places of functions and offsets of members, by the compiler. */
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

t.setTimeout(580_000)

const root = fileURLToPath(new URL('../../../../', import.meta.url))
const { fetchPjrtHeader }: { fetchPjrtHeader(): Promise<{ path: string } | { absence: string }> } = await import(
  join(root, 'scripts/setup/pjrt-header.mjs')
)
const header = await fetchPjrtHeader()
const without = 'absence' in header ? `NOT COMPARED, the published header cannot be had: ${header.absence}` : false

const check = (path: string) =>
  spawnSync(process.execPath, [join(root, 'scripts/check-pjrt-abi.mjs'), path], { encoding: 'utf8' })

t.test('our declarations are those of the published header', { skip: without }, (t) => {
  const { status, stdout, stderr } = check('path' in header ? header.path : '')
  t.equal(status, 0, stdout + stderr)
  t.ok(Number(/^(\d+) places and offsets agree/m.exec(stdout)?.[1]) > 150, stdout)
  t.end()
})

t.test('a header that differs is found out', { skip: without }, (t) => {
  const text = readFileSync('path' in header ? header.path : '', 'utf8')
  const changes = [
    text.replace('_PJRT_API_STRUCT_FIELD(PJRT_Client_Create);', ''),
    text.replace(/(struct PJRT_Client_Compile_Args \{\s*size_t struct_size;)/, '$1\n  size_t new_member[2];'),
  ]
  for (const [place, changed] of changes.entries()) {
    t.not(changed, text)
    const moved = join(t.testdir(), `moved-${place}.h`)
    writeFileSync(moved, changed)
    t.match(check(moved), { status: 1, stdout: /static assertion failed/ })
  }
  t.end()
})
