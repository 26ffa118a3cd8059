import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const root = fileURLToPath(new URL('../../../', import.meta.url))

/** Homes of package registries, in pieces so that this file does not name them itself. */
const REGISTRIES = [
  ['registry', 'npmjs', 'org'],
  ['registry', 'yarnpkg', 'com'],
  ['pypi', 'org'],
  ['files', 'pythonhosted', 'org'],
  ['deb', 'debian', 'org'],
  ['archive', 'ubuntu', 'com'],
].map((parts) => parts.join('.'))

/** Folders of one machine's user, which nobody else has. */
const HOMES = /(?:^|[\s'"`=(])\/(?:work|root|home\/\w+)\//m

const { listedFiles }: { listedFiles(root: string): string[] | null } = await import(
  join(root, 'scripts/listed-files.mjs')
)
const files = listedFiles(root) ?? []
const skip = files.length === 0 ? 'this is no git checkout' : false

function textOf(path: string): string {
  try {
    return readFileSync(join(root, path), 'latin1')
  } catch (error) {
    // Deleted in the working tree but still in git's list.
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return ''
    throw error
  }
}

t.test('no file names a package registry', { skip }, (t) => {
  const found = files.filter((path) => REGISTRIES.some((registry) => textOf(path).includes(registry)))
  t.same(found, [])
  t.end()
})

t.test('the lock file pins contents, not addresses', (t) => {
  const lock: unknown = JSON.parse(textOf('package-lock.json'))
  const text = JSON.stringify(lock)
  t.notMatch(text, /"resolved"/)
  t.match(text, /"integrity":"sha512-/)
  t.end()
})

t.test('no file names a folder of the machine it was written on', { skip }, (t) => {
  const found = files.filter((path) => path !== 'test/repository/addresses.test.ts' && HOMES.test(textOf(path)))
  t.same(found, [])
  t.end()
})
