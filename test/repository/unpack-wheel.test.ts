import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const { unpackWheel }: { unpackWheel(wheel: string, folder: string, options?: object): Promise<{ status: number }> } =
  await import(join(root, 'scripts/setup/unpack-wheel.mjs'))

const MAKE = `
import sys, zipfile
with zipfile.ZipFile(sys.argv[1], 'w') as wheel:
    for name, mode in (('nvidia/bin/ptxas', 0o100755), ('nvidia/lib/a.bc', 0o100644), ('other/unsaid', 0)):
        entry = zipfile.ZipInfo(name)
        entry.external_attr = mode << 16
        wheel.writestr(entry, 'content of ' + name)
`

t.test('what may be run in a wheel may be run when it is unpacked', async (t) => {
  const folder = t.testdir()
  const wheel = join(folder, 'a.whl')
  t.equal(spawnSync('python3', ['-c', MAKE, wheel]).status, 0)
  t.equal((await unpackWheel(wheel, join(folder, 'all'))).status, 0)
  const mode = (path: string) => statSync(join(folder, 'all', path)).mode & 0o777
  t.equal(mode('nvidia/bin/ptxas') & 0o111, (mode('nvidia/bin/ptxas') & 0o444) >> 2)
  t.equal(mode('nvidia/lib/a.bc') & 0o111, 0)
  t.equal(mode('other/unsaid') & 0o111, 0)
  t.equal(readFileSync(join(folder, 'all/nvidia/bin/ptxas'), 'utf8'), 'content of nvidia/bin/ptxas')
  t.equal((await unpackWheel(wheel, join(folder, 'part'), { prefixes: ['nvidia/lib/'] })).status, 0)
  t.ok(existsSync(join(folder, 'part/nvidia/lib/a.bc')))
  t.notOk(existsSync(join(folder, 'part/nvidia/bin')))
  t.not((await unpackWheel(join(folder, 'absent.whl'), folder)).status, 0)
})
