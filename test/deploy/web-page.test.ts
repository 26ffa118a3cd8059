/** The page of `export --format web`, from a disk and without a network, in a real browser. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { chromium } from 'playwright-core'
import sharp from 'sharp'
import t from 'tap'
import { exportModel } from '../../src/deploy/export/export-model.ts'
import { loadModel } from '../../src/deploy/model.ts'
import { difference } from '../support/compare-tensors.ts'
import { writeExportOf } from './drawn-export.ts'
import { findChromium, skipWithoutChromium } from './find-chromium.ts'

t.setTimeout(300_000)

const cwd = t.testdir()
const executablePath = findChromium()
const skip = skipWithoutChromium(executablePath)

t.test('classifies a dropped picture offline, as Node does', { skip }, async (t) => {
  const source = await writeExportOf(join(cwd, 'drawn.safetensors'))
  const folder = join(cwd, 'page')
  await exportModel(source, { format: 'web', out: folder }, () => undefined)
  const picture = await sharp({
    create: {
      width: 61,
      height: 47,
      channels: 3,
      background: '#3070a0',
      noise: { type: 'gaussian', mean: 128, sigma: 60 },
    },
  })
    .png()
    .toBuffer()
  const model = await loadModel(source, { executor: 'tfjs', threads: 1 })
  const [wanted] = await model.logits([picture])
  const best = (await model.classify([picture]))[0]![0]!
  await model.close()
  t.equal(wanted!.length, 10)

  const args = ['--no-sandbox', '--use-angle=swiftshader', '--enable-unsafe-swiftshader']
  const browser = await chromium.launch({ executablePath: executablePath!, args })
  try {
    const context = await browser.newContext({ offline: true })
    for (const backend of ['webgl', 'cpu']) {
      const page = await context.newPage()
      const requests: string[] = []
      const faults: string[] = []
      page.on('request', (request) => requests.push(request.url()))
      page.on('pageerror', (error) => faults.push(error.message))
      page.on('console', (message) => {
        if (message.type() === 'error') faults.push(message.text())
      })
      await page.goto(`${pathToFileURL(join(folder, 'index.html'))}#${backend}`)
      await page.waitForSelector('body[data-backend]', { timeout: 120_000 })
      t.equal(await page.getAttribute('body', 'data-backend'), backend)
      const dropped = await page.evaluateHandle((text) => {
        const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))
        const transfer = new DataTransfer()
        transfer.items.add(new File([bytes], 'picture.png', { type: 'image/png' }))
        transfer.items.add(new File(['no picture'], 'notes.png', { type: 'image/png' }))
        return transfer
      }, picture.toString('base64'))
      await page.dispatchEvent('body', 'drop', { dataTransfer: dropped })
      await page.waitForSelector('.card.failed', { timeout: 120_000 })
      t.match(await page.textContent('.card.failed'), /notes\.png cannot be classified: /)
      t.equal(await page.textContent('.card[data-logits] .label'), best.label, `${backend}: the label`)
      const logits: number[] = JSON.parse((await page.getAttribute('.card[data-logits]', 'data-logits')) ?? '[]')
      t.equal(difference(logits, wanted!, { relative: 0, scale: 1e-4 }), null, `${backend}: the logits`)
      const own = pathToFileURL(folder).href
      t.same(
        requests.filter((url) => !url.startsWith(own) && !/^(data|blob):/.test(url)),
        [],
        'no request leaves it',
      )
      t.same(faults, [])
      await page.close()
    }
  } finally {
    await browser.close()
  }
})

t.test('the page forbids requests and names the model', async (t) => {
  const source = await writeExportOf(join(cwd, 'again.safetensors'))
  const folder = join(cwd, 'again')
  await exportModel(source, { format: 'web', out: folder }, () => undefined)
  const html = readFileSync(join(folder, 'index.html'), 'utf8')
  t.match(html, /connect-src 'none'/)
  t.match(html, /<h1>resnet-8, cifar10<\/h1>/)
})
