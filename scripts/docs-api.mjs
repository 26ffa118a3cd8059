/**
 * `npm run docs:api`: the reference of what the package exports, from the docstrings, as Markdown in docs/api.
 * TypeDoc needs TypeScript's JavaScript API, which TypeScript 7 does not have: it is installed apart, with a compiler that has.
 */
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { settingsTable } from './docs/settings-table.mjs'
import { inRoot } from './setup/places.mjs'
import { runCommand } from './setup/run-command.mjs'

const own = inRoot('scripts/docs')
const tools = inRoot('node_modules/.docs-tools')
const typedoc = join(tools, 'node_modules/typedoc/bin/typedoc')

async function step(program, args, cwd) {
  const { status, output } = await runCommand(program, args, { cwd })
  if (output.trim() !== '') console.log(output.trimEnd())
  if (status !== 0) process.exit(1)
}

if (!existsSync(typedoc)) {
  mkdirSync(tools, { recursive: true })
  for (const file of ['package.json', 'package-lock.json']) copyFileSync(join(own, file), join(tools, file))
  await step('npm', ['ci', '--no-audit', '--no-fund'], tools)
}
const plugin = join(tools, 'node_modules/typedoc-plugin-markdown/dist/index.js')
await step(process.execPath, [typedoc, '--options', 'typedoc.json', '--plugin', plugin], own)
for (const page of ['native-ensemble.md', 'native-ensemble/engine.md']) {
  // Anchors within tables, which nothing outside links to.
  const text = readFileSync(inRoot(`docs/api/${page}`), 'utf8')
  const plain = text.replaceAll(/<a id="[^"]*"><\/a> ?/g, '').replaceAll(/\[([^\]]+)\]\(#property-[^)]*\)/g, '$1')
  writeFileSync(inRoot(`docs/api/${page}`), plain)
}
const config = pathToFileURL(`${inRoot('dist/src/config')}/`)
writeFileSync(inRoot('docs/api/settings.md'), await settingsTable(config))
