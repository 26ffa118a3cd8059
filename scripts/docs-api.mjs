/**
 * `npm run docs:api`: the reference of what the package exports, from the docstrings, as Markdown in docs/api.
 * TypeDoc needs TypeScript's JavaScript API, which TypeScript 7 does not have: it has an installation of its own.
 */
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { settingsTable } from './docs/settings-table.mjs'
import { inRoot } from './setup/places.mjs'
import { runCommand } from './setup/run-command.mjs'

const folder = inRoot('scripts/docs')
const typedoc = join(folder, 'node_modules/typedoc/bin/typedoc')

async function step(program, args) {
  const { status, output } = await runCommand(program, args, { cwd: folder })
  if (output.trim() !== '') console.log(output.trimEnd())
  if (status !== 0) process.exit(1)
}

if (!existsSync(typedoc)) await step('npm', ['ci', '--no-audit', '--no-fund'])
rmSync(inRoot('docs/api'), { recursive: true, force: true })
await step(process.execPath, [typedoc, '--options', 'typedoc.json'])
const config = pathToFileURL(`${inRoot('dist/src/config')}/`)
writeFileSync(inRoot('docs/api/settings.md'), await settingsTable(config))
