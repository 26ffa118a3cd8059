/**
 * `npm run docs:site [-- --serve]`: docs/ as a site with a search, in .site/; `--serve` then shows it on this machine.
 * VitePress is installed apart, as it is larger than all that the project is built with.
 */
import { copyFileSync, cpSync, existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { argv } from 'node:process'
import { inRoot } from './setup/places.mjs'
import { runCommand, runInForeground } from './setup/run-command.mjs'

const tools = inRoot('.setup/site')
const vitepress = join(tools, 'node_modules/vitepress/bin/vitepress.js')

if (!existsSync(vitepress)) {
  mkdirSync(tools, { recursive: true })
  for (const file of ['package.json', 'package-lock.json'])
    copyFileSync(inRoot(`scripts/site/${file}`), join(tools, file))
  const { status, output } = await runCommand('npm', ['ci', '--no-audit', '--no-fund'], { cwd: tools })
  if (status !== 0) {
    console.error(
      `Expected npm to install VitePress but it failed\n${output}\nCheck the network, then run: npm run docs:site`,
    )
    process.exit(1)
  }
}
// The pages' programs import Vue, which is found from a folder beside it only.
const pages = join(tools, 'docs')
rmSync(pages, { recursive: true, force: true })
cpSync(inRoot('docs'), pages, { recursive: true })
mkdirSync(join(pages, '.vitepress'))
copyFileSync(inRoot('scripts/site/config.mjs'), join(pages, '.vitepress/config.mjs'))
const built = [vitepress, 'build', pages, '--outDir', inRoot('.site')]
const { status, output } = await runCommand(process.execPath, built, { cwd: tools })
if (status !== 0) {
  console.error(output.trimEnd())
  process.exit(1)
}
console.log(`site: ${inRoot('.site')}/index.html`)
if (argv.includes('--serve'))
  process.exitCode = await runInForeground([vitepress, 'preview', pages, '--outDir', inRoot('.site')])
