/** The snippets of docs/deploy.md for Node and Python, as they stand there, on an export and a picture. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import sharp from 'sharp'
import t from 'tap'
import { exportModel } from '../../src/deploy/export/export-model.ts'
import { loadModel } from '../../src/deploy/model.ts'
import { writeExportOf } from './drawn-export.ts'

t.setTimeout(200_000)

const root = fileURLToPath(new URL('../../../', import.meta.url))
const document = readFileSync(join(root, 'docs/deploy.md'), 'utf8')
const cwd = t.testdir()

function snippet(language: string): string {
  const found = new RegExp(`\`\`\`${language}\n([^]*?)\`\`\``).exec(document)?.[1]
  if (found === undefined) throw new Error(`Expected a snippet of ${language}`)
  return found
}

let source: string
let label: string

t.before(async () => {
  source = await writeExportOf(join(cwd, 'drawn.safetensors'))
  const noise = { type: 'gaussian', mean: 128, sigma: 60 } as const
  await sharp({ create: { width: 90, height: 64, channels: 3, background: '#3070a0', noise } })
    .jpeg({ quality: 95 })
    .toFile(join(cwd, 'cat.jpg'))
  const model = await loadModel(source)
  label = (await model.classify([join(cwd, 'cat.jpg')]))[0]![0]!.label
  await model.close()
})

t.test('Node', async (t) => {
  const entry = pathToFileURL(join(root, 'dist/src/deploy/model.js')).href
  const text = snippet('js')
    .replace("'native-ensemble'", JSON.stringify(entry))
    .replace("'runs/photos-1', { member: 'ensemble' }", "'drawn.safetensors'")
  writeFileSync(join(cwd, 'snippet.mjs'), text)
  const printed = execFileSync(process.execPath, ['snippet.mjs'], { cwd, encoding: 'utf8' })
  t.ok(printed.includes(`label: '${label}'`), printed)
  t.equal(printed.match(/probability/g)?.length, 3)
})

const python = join(process.env['NATIVE_ENSEMBLE_DEPLOY'] ?? '', 'python/bin/python')
const skip =
  process.env['NATIVE_ENSEMBLE_DEPLOY'] === undefined || !existsSync(python)
    ? 'npm run test:deploy installs onnxruntime and tests with it'
    : false
if (skip !== false) process.stderr.write(`SKIPPED: ${skip}\n`)

t.test('Python', { skip }, async (t) => {
  await exportModel(source, { format: 'onnx', input: 'uint8', out: join(cwd, 'model.onnx') }, () => undefined)
  writeFileSync(join(cwd, 'snippet.py'), snippet('python'))
  t.equal(execFileSync(python, ['snippet.py'], { cwd, encoding: 'utf8' }).trim(), label)
})

t.test('an export that cannot be written leaves what was there', async (t) => {
  const out = join(cwd, 'kept')
  writeFileSync(out, 'kept')
  await t.rejects(
    exportModel(source, { format: 'tfjs', out }, () => undefined),
    /Expected a folder for --out/,
  )
  t.equal(readFileSync(out, 'utf8'), 'kept')
  await t.rejects(
    exportModel(source, { format: 'tfjs', out: cwd }, () => undefined),
    /new or empty folder for --out/,
  )
  await t.rejects(
    exportModel(source, { format: 'onnx', out: join(cwd, 'no', 'x.onnx') }, () => undefined),
    /does not exist/,
  )
  await t.rejects(
    exportModel(source, { format: 'onnx', out: cwd }, () => undefined),
    /Expected a file for --out/,
  )
  await t.rejects(
    exportModel(source, { format: 'safetensors', foldBatchNorm: true }, () => undefined),
    /for --fold-batch-norm but received safetensors/,
  )
  await t.rejects(
    exportModel(source, { format: 'tfjs', input: 'uint8' }, () => undefined),
    /--format onnx for --input/,
  )
  const folder = join(cwd, 'twice')
  for (let time = 0; time < 2; time++) await exportModel(source, { format: 'tfjs', out: folder }, () => undefined)
  t.ok(existsSync(join(folder, 'model.json')), 'an earlier export is replaced')
})
