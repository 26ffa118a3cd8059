/** The page of `watch` in a real browser, by keyboard alone. */
import { appendFile, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'
import t from 'tap'
import { runFiles } from '../../src/report/run-files.ts'
import { startWatchServer } from '../../src/watch/watch-server.ts'
import { findChromium, skipWithoutChromium } from '../deploy/find-chromium.ts'
import { epochLine, evalLine, madeUpRun, stepLine } from '../report/made-up-run.ts'
import { printLines, writeRun } from './watch-folder.ts'

t.setTimeout(180_000)
const executablePath = findChromium()
const skip = skipWithoutChromium(executablePath)
const PATIENCE = { timeout: 60_000 }

/** Presses Tab until the element is focused. @throws Error where it cannot be reached */
async function tabTo(page: Page, selector: string): Promise<void> {
  for (let press = 0; press < 40; press++) {
    if (await page.evaluate((wanted) => document.activeElement?.matches(wanted) === true, selector)) return
    await page.keyboard.press('Tab')
  }
  throw new Error(`Expected Tab to reach ${selector}`)
}

const backgroundOf = (page: Page) => page.evaluate(() => getComputedStyle(document.body).backgroundColor)

t.test('live curves, side by side, axes, light and dark', { skip }, async (t) => {
  const folder = t.testdir()
  const files = runFiles(join(folder, 'first'))
  await writeRun(files.folder, madeUpRun(1), 3)
  await writeFile(files.lock, '')
  // A lock counts for half a minute, which a busy machine may need for less than this.
  const later = new Date(Date.now() + 3_600_000)
  await utimes(files.lock, later, later)
  await writeRun(join(folder, 'second'), madeUpRun(3), 3)
  const server = await startWatchServer(folder, 0)
  t.teardown(() => server.close())
  const browser: Browser = await chromium.launch({ executablePath: executablePath!, args: ['--no-sandbox'] })
  t.teardown(() => browser.close())
  const page = await browser.newPage({ colorScheme: 'dark' })
  const faults: string[] = []
  const requests: string[] = []
  page.on('pageerror', (error) => faults.push(error.message))
  page.on('console', (message) => {
    if (message.type() === 'error') faults.push(message.text())
  })
  page.on('request', (sent) => requests.push(sent.url()))
  await page.goto(server.url)
  await page.waitForSelector('#view h2', PATIENCE)
  t.equal(await page.textContent('[role=status]'), 'first: running, 1 epochs done, test error 12.00 %.', 'the live one')
  t.match(await page.textContent('#runs tbody tr:first-child'), /firstrunning1\.0 of 3/)
  for (const text of ['Test error', 'Confusion matrix', 'Learning rate', 'Time left']) {
    t.match(await page.textContent('#view'), text)
  }
  t.ok(await page.evaluate(() => document.querySelector<HTMLImageElement>('.samples img')?.naturalWidth), 'the picture')

  await appendFile(files.metrics, printLines([stepLine(20), epochLine(1), evalLine(1)]))
  await page.waitForSelector('text=first: running, 2 epochs done, test error 11.00 %.', PATIENCE)
  await page.waitForSelector('#view >> text=2 (best)', PATIENCE)

  t.ok((await page.isVisible('.of-epoch')) && !(await page.isVisible('.of-step')))
  await tabTo(page, 'input[name=axis]')
  await page.keyboard.press('ArrowRight')
  t.ok((await page.isVisible('.of-step')) && !(await page.isVisible('.of-epoch')), 'steps')
  await page.focus('body')
  await page.evaluate(() => (document.activeElement instanceof HTMLElement ? document.activeElement.blur() : undefined))
  await tabTo(page, 'input[id="show second"]')
  await page.keyboard.press('Space')
  await page.waitForSelector('#view >> text=Settings that differ', PATIENCE)
  t.match(page.url(), /#run=first&run=second$/)
  const curves = await page.getAttribute('.of-step figure:first-child svg[role=img]', 'aria-label')
  t.equal(curves, 'Test error: first 11 at step 20; second 10 at step 30')
  t.equal(
    await page.locator('.of-step figure:first-child path.d0, .of-step figure:first-child path.d1').count(),
    4,
    'dashes',
  )

  const dark = await backgroundOf(page)
  await page.emulateMedia({ colorScheme: 'light' })
  t.not(await backgroundOf(page), dark)
  const old = new Date(Date.now() - 60_000)
  await utimes(files.lock, old, old)
  await page.waitForSelector('text=first: stopped', PATIENCE)
  t.same(
    requests.filter((url) => !url.startsWith(server.url) && !url.startsWith('data:')),
    [],
    'no request elsewhere',
  )
  t.same(faults, [])
})
