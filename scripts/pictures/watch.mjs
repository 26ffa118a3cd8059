/**
 * Draws docs/pictures/watch.png and report.png from runs: `node scripts/pictures/watch.mjs <folder of two runs or more>`.
 * Needs a Chromium, in PATH or named in NATIVE_ENSEMBLE_CHROMIUM, and the built package.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { argv } from 'node:process'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { chromium } from 'playwright-core'
import sharp from 'sharp'
import { writeReport } from '../../dist/src/report/html-report.js'
import { gatherRuns } from '../../dist/src/report/run-folders.js'
import { startWatchServer } from '../../dist/src/watch/watch-server.js'
import { findChromium } from '../../dist/test/deploy/find-chromium.js'

const [folder] = argv.slice(2)
const executablePath = findChromium()
if (folder === undefined || executablePath === null) {
  console.error('Expected a folder of runs, and a Chromium. Usage: node scripts/pictures/watch.mjs <folder>')
  process.exit(2)
}
const out = fileURLToPath(new URL('../../docs/pictures/', import.meta.url))
mkdirSync(out, { recursive: true })
const runs = await gatherRuns([folder])
const server = await startWatchServer(folder, 0)
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
try {
  const ids = runs.map((run) => `run=${encodeURIComponent(run.slice(join(folder).length + 1))}`)
  await draw(`${server.url}#${ids.join('&')}`, 'watch.png', 'dark', '#view figure')
  await draw(pathToFileURL(await writeReport(runs[0])).href, 'report.png', 'light', 'figure')
} finally {
  await browser.close()
  await server.close()
}

async function draw(url, name, colorScheme, ready) {
  const page = await browser.newPage({ viewport: { width: 1200, height: 1050 }, colorScheme })
  await page.goto(url)
  await page.waitForSelector(ready)
  const bytes = await page.screenshot()
  // Few colours: a picture in a repository is to be small.
  await sharp(bytes).png({ palette: true, colours: 64, compressionLevel: 9 }).toFile(join(out, name))
  console.log(join(out, name))
  await page.close()
}
