/** Every example is short, and runs as it is; here on few and small images. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import sharp from 'sharp'
import t from 'tap'
import { withoutXla } from '../support/xla.ts'
import { runCli, startProgram, TINY_ARCHIVE, TRAIN_TINY } from '../trainer/run-cli.ts'

t.setTimeout(300_000)
const EXAMPLES = fileURLToPath(new URL('../../../examples/', import.meta.url))
const MOST_LINES = 60
const cwd = t.testdir()

const run = (example: string, ...argv: string[]) =>
  startProgram([process.execPath, join(EXAMPLES, example), ...argv], { cwd }).ended

/** What each is called with, and what it must say. */
const RUNS: Readonly<Record<string, { readonly argv: readonly string[]; readonly says: RegExp }>> = {
  'first-training.js': {
    argv: [TINY_ARCHIVE, '1'],
    says: /epoch 1: loss \d+\.\d+, test error \d+\.\d+ %\n.*: one branch .* the ensemble \d+\.\d+ %/,
  },
  'own-pictures.js': {
    argv: ['photos', 'shards', '64', '1'],
    says: /left out: .*broken\.png.*\n16 training and 4 test pictures of 2 classes\ntest error \d+\.\d+ %/,
  },
  'fine-tuning.js': {
    argv: [TINY_ARCHIVE, 'shards', '1'],
    says: /fine-tuned in .*: test error \d+\.\d+ %/,
  },
  'several-devices.js': {
    argv: ['cpu:2', 'cifar10', TINY_ARCHIVE, '1'],
    says: /step 1 is saved\n.* finished after 1 steps/,
  },
  'own-network.js': { argv: [TINY_ARCHIVE, '1'], says: /members: \[( [\d.]+,?){3} \]/ },
  'own-method.js': { argv: [TINY_ARCHIVE, '1'], says: /members: \[( [\d.]+,?){2} \]/ },
  'own-augmentation.js': { argv: [TINY_ARCHIVE, '1'], says: /members: \[( [\d.]+,?){3} \]/ },
  'own-arrays.js': { argv: ['1'], says: /test error [\d.]+ %/ },
  'one-step.js': { argv: ['3'], says: /step 1: loss \d+\.\d+\nstep 2: loss \d+\.\d+\nstep 3: loss \d+\.\d+/ },
}
/** Run below, and in test/watch. */
const OTHERS = ['lines-to-mlflow.js', 'own-files.js', 'serve.js']

t.test('each is short, and run here', async (t) => {
  const files = readdirSync(EXAMPLES).filter((name) => name.endsWith('.js'))
  t.same(files.toSorted(), [...Object.keys(RUNS), ...OTHERS].toSorted())
  for (const file of files) {
    const lines = readFileSync(join(EXAMPLES, file), 'utf8').trimEnd().split('\n').length
    t.ok(lines < MOST_LINES, `${file} has ${lines} lines`)
  }
})

await makePhotos()
for (const [example, { argv, says }] of Object.entries(RUNS)) {
  t.test(example, async (t) => {
    const { code, stdout, stderr } = await run(example, ...argv)
    t.equal(code, 0, stderr)
    t.match(stdout, says)
  })
}

t.test("several devices of XLA's", { skip: withoutXla }, async (t) => {
  const { code, stdout, stderr } = await run('several-devices.js', 'xla-cpu:2', 'cifar10', TINY_ARCHIVE, '1')
  t.equal(code, 0, stderr)
  t.match(stdout, /finished after 1 steps/)
})

t.test('a model over HTTP', async (t) => {
  const trained = await runCli([...TRAIN_TINY, '--steps', '1', '--out', 'served'], { cwd })
  t.equal(trained.code, 0, trained.stderr)
  const server = startProgram([process.execPath, join(EXAMPLES, 'serve.js'), 'served', '0'], { cwd })
  const port = await new Promise<string>((resolve) => {
    server.child.stdout?.on('data', (text: string) => resolve(/port (\d+)/.exec(text)?.[1] ?? ''))
  })
  const ask = (image: Uint8Array) =>
    fetch(`http://localhost:${port}/`, { method: 'POST', body: new Blob([Uint8Array.from(image)]) })
  const answer = await ask(readFileSync(join(cwd, 'photos/red/0.png')))
  const predictions: unknown = await answer.json()
  t.ok(Array.isArray(predictions) && predictions.length === 5)
  t.match(predictions, [{ label: String, probability: Number }])
  t.equal((await ask(Buffer.from('no picture'))).status, 400)
  server.child.kill('SIGTERM')
  t.equal((await server.ended).code, 0)
})

t.test('files in a format of its own, by the command line', async (t) => {
  for (const [label, name] of ['cats', 'dogs'].entries()) {
    mkdirSync(join(cwd, 'raw', name), { recursive: true })
    for (let picture = 0; picture < 10; picture++) {
      const pixels = Array.from({ length: 3 * 40 * 36 }, (_, place) => (place * (picture + 1) + 90 * label) % 256)
      writeFileSync(join(cwd, 'raw', name, `${picture}.raw`), Uint8Array.from([40, 36, ...pixels]))
    }
  }
  const train = ['train', '--dataset', join(EXAMPLES, 'own-files.js'), '--data', 'raw', '--network', 'resnet-8']
  const small = [...train, '--batch', '8', '--epochs', '1']
  const { code, stdout, stderr } = await runCli([...small, '--out', 'files'], { cwd })
  t.equal(code, 0, stderr)
  t.match(stdout, /percent of 4 images/)
  writeFileSync(join(cwd, 'raw/cats/2.raw'), Uint8Array.from([40, 36, 1]))
  const broken = await runCli([...small, '--out', 'broken'], { cwd })
  t.equal(broken.code, 2, broken.stderr)
  t.match(broken.stderr, /decoded by .*own-files\.js for .*cats\/2\.raw but received: 3 bytes are no 40 x 36 pixels/)
  t.match((await runCli(['resume', 'files'], { cwd })).stderr, /The run is finished/)
  t.match((await runCli(['resume', 'files', '--epochs', '2'], { cwd })).stderr, /the images that the run began with/)
})

async function makePhotos(): Promise<void> {
  for (const [label, name] of ['red', 'blue'].entries()) {
    mkdirSync(join(cwd, 'photos', name), { recursive: true })
    for (let picture = 0; picture < 10; picture++) {
      const background = label === 0 ? { r: 200, g: 10 * picture, b: 20 } : { r: 20, g: 10 * picture, b: 200 }
      const image = sharp({ create: { width: 90, height: 70, channels: 3, background } })
      await image.png().toFile(join(cwd, 'photos', name, `${picture}.png`))
    }
  }
  writeFileSync(join(cwd, 'photos/red/broken.png'), 'no picture')
}
