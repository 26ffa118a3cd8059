/** The types of the package as a user's compiler sees them: the emitted declarations, from outside of the package. */
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import * as api from 'native-ensemble'
import * as engine from 'native-ensemble/engine'
import t from 'tap'

t.setTimeout(180_000)
const root = fileURLToPath(new URL('../../../', import.meta.url))
const EXAMPLES = readdirSync(join(root, 'examples')).filter((name) => name.endsWith('.js'))
const OPTIONS = {
  ...{
    target: 'ES2022',
    lib: ['ES2023', 'DOM'],
    module: 'NodeNext',
    types: ['node'],
    skipLibCheck: true,
    noEmit: true,
    allowJs: true,
    checkJs: true,
  },
  ...{ strict: true, noUncheckedIndexedAccess: true, noPropertyAccessFromIndexSignature: true, noUnusedLocals: true },
}

t.test('what users write compiles, and what is wrong does not', async (t) => {
  const surface = readFileSync(join(root, 'test/api/fixtures/surface.ts'), 'utf8')
  const project = t.testdir({
    'surface.ts': surface,
    'package.json': '{ "type": "module" }',
    'tsconfig.json': JSON.stringify({ compilerOptions: OPTIONS, include: ['*'] }),
    node_modules: { '@types': {} },
    ...Object.fromEntries(EXAMPLES.map((name) => [name, readFileSync(join(root, 'examples', name), 'utf8')])),
  })
  symlinkSync(root, join(project, 'node_modules/native-ensemble'))
  symlinkSync(join(root, 'node_modules/@types/node'), join(project, 'node_modules/@types/node'))
  const compile = () =>
    spawnSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', project], { encoding: 'utf8' })
  const { status, stdout } = compile()
  t.equal(status, 0, stdout)
  const marked = surface.split('// @ts-expect-error').length - 1
  t.ok(marked > 10)
  // The marks are not there for nothing: without them each line is an error.
  writeFileSync(join(project, 'surface.ts'), surface.replaceAll('// @ts-expect-error', '// was marked'))
  const errors = compile().stdout.match(/^\S.*error TS/gm) ?? []
  t.equal(errors.length, marked, errors.join('\n'))
})

t.test('all exports are listed, documented, and in the generated reference', async (t) => {
  const reference = readFileSync(join(root, 'docs/api/native-ensemble.md'), 'utf8')
  const ofEngine = readFileSync(join(root, 'docs/api/native-ensemble/engine.md'), 'utf8')
  for (const [name, exports, text] of [
    ['index.d.ts', api, reference],
    ['engine/index.d.ts', engine, ofEngine],
  ] as const) {
    const declarations = join(root, 'dist/src', name)
    const listed = readFileSync(declarations, 'utf8')
    const names = [...listed.matchAll(/export (?:type )?\{([^}]*)\} from '([^']+)'/g)].flatMap(
      ([, words = '', file = '']) =>
        words.split(',').map((word) => ({ word: word.replace(/\btype\b/, '').trim(), file })),
    )
    t.ok(Object.keys(exports).every((word) => names.some((one) => one.word === word)))
    for (const { word, file } of names.filter((one) => one.word !== '')) {
      const source = readFileSync(new URL(file.replace(/\.ts$/, '.d.ts'), pathToFileURL(declarations)), 'utf8')
      const at = new RegExp(
        `/\\*\\*(?:(?!\\*/)[^])*\\*/\\s*export (?:declare )?(?:abstract )?(?:async )?(?:function|const|class|interface|type) ${word}\\b`,
      )
      t.match(source, at, `${word} has a docstring`)
      t.match(text, new RegExp(`^### ${word}(\\(\\)|<|$|\\\\<)`, 'm'), `docs/api has ${word}: npm run docs:api`)
    }
  }
  const settings = readFileSync(join(root, 'docs/api/settings.md'), 'utf8')
  const { OPTION_KEYS } = await import('../../src/config/option-table.ts')
  t.same(
    OPTION_KEYS.filter((key) => !settings.includes(`| \`${key}\` |`)),
    [],
    'docs/api/settings.md: npm run docs:api',
  )
})
