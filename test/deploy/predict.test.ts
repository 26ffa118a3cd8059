/** A run's model in Node and on the command line, against what `evaluate` measured on the same images. */
import { copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import t from 'tap'
import { type ImageInput, loadModel } from '../../src/deploy/model.ts'
import { readMetrics } from '../../src/report/metrics.ts'
import { runFiles } from '../../src/report/run-files.ts'
import { runCli, TRAIN_TINY } from '../trainer/run-cli.ts'
import { type Picture, writePictures } from './picture-folder.ts'

t.setTimeout(400_000)

const cwd = t.testdir({ pictures: {}, odd: {} })
const run = join(cwd, 'run')
let pictures: Picture[]

t.before(async () => {
  const ended = await runCli([...TRAIN_TINY, '--branches', '2', '--epochs', '4', '--out', 'run'], { cwd })
  t.equal(ended.code, 0, ended.stderr)
  pictures = await writePictures(join(cwd, 'pictures'))
})

t.test('the errors of each member and of the ensemble are those of evaluate', async (t) => {
  const evaluation = (await readMetrics(runFiles(run).metrics)).findLast(({ kind }) => kind === 'eval')
  if (evaluation?.kind !== 'eval') throw new Error('Expected an evaluation')
  const { branches, teacher } = evaluation.top1_error
  for (const [member, wanted] of [
    [0, branches[0]],
    [1, branches[1]],
    ['ensemble', teacher],
  ] as const) {
    const model = await loadModel(run, { member })
    const predicted = await model.classify(
      pictures.map(({ path }) => path),
      { top: 10 },
    )
    const wrong = predicted.filter(([best], image) => best?.label !== pictures[image]?.label).length
    t.equal((100 * wrong) / pictures.length, wanted, `member ${member}`)
    for (const ten of predicted) {
      t.ok(Math.abs(ten.reduce((sum, { probability }) => sum + probability, 0) - 1) < 1e-9)
      t.ok(ten.every(({ probability }, place) => place === 0 || probability <= ten[place - 1]!.probability))
      t.equal(new Set(ten.map(({ index }) => index)).size, 10)
    }
    await model.close()
  }
})

t.test('files, bytes and pixels are the same image, in batches of any size, by any executor', async (t) => {
  const { path } = pictures[3]!
  const { data, info } = await sharp(path).raw().toBuffer({ resolveWithObject: true })
  const raw = { pixels: data, width: info.width, height: info.height }
  const inputs: ImageInput[] = [path, readFileSync(path), raw, new URL(`file://${path}`)]
  const model = await loadModel(run, { threads: 1 })
  const [first, ...others] = await model.logits(inputs)
  for (const logits of others) t.same(logits, first)
  t.equal((await model.logits(pictures.flatMap((one) => [one.path, one.path]))).length, 2 * pictures.length)
  const twin = await loadModel(run, { executor: 'tfjs', threads: 1 })
  const [slow] = await twin.logits([path])
  const scale = Math.max(...first!.map(Math.abs))
  for (const [place, logit] of slow!.entries()) t.ok(Math.abs(logit - first![place]!) < 1e-5 * scale, `logit ${place}`)
  await Promise.all([model.close(), twin.close()])
})

t.test('an image that cannot be classified is named; results goes on', async (t) => {
  const model = await loadModel(run)
  const good = pictures[0]!.path
  await t.rejects(model.classify([good, join(cwd, 'none.jpg')]), /for .*none\.jpg but received: it does not exist/)
  await t.rejects(
    model.classify([{ pixels: new Uint8Array(5), width: 2, height: 2 }]),
    /image 0 but received: 5 bytes are not the pixels of 2 x 2/,
  )
  const problems: (string | null)[] = []
  for await (const { problem } of model.results([good, Buffer.from('text'), good])) problems.push(problem)
  t.match(problems, [null, /^no JPEG, PNG/, null])
  await t.rejects(model.classify([good], { top: 0 }), /whole number from 1 for top but received 0/)
  await model.close()
})

t.test('predict classifies files and folders, and gives odd files a line each', async (t) => {
  const odd = join(cwd, 'odd')
  mkdirSync(join(odd, 'below'))
  const photo = await sharp({ create: { width: 90, height: 60, channels: 3, background: '#a04020' } })
    .jpeg()
    .toBuffer()
  writeFileSync(join(odd, 'photo.jpg'), photo)
  writeFileSync(join(odd, 'below', 'cut.jpg'), photo.subarray(0, photo.length - 200))
  writeFileSync(join(odd, 'notes.txt'), 'not a picture')
  writeFileSync(join(odd, 'empty.png'), '')
  symlinkSync('/nowhere', join(odd, 'link.jpg'))
  copyFileSync(pictures[0]!.path, join(odd, '.hidden.png'))
  const ended = await runCli(['predict', 'run', 'odd', pictures[0]!.path, '--top', '2'], { cwd })
  t.equal(ended.code, 2, ended.stderr)
  const lines = ended.stdout.trimEnd().split('\n')
  t.match(lines, [
    /^odd\/below\/cut\.jpg: not classified: /,
    'odd/empty.png: not classified: it is empty',
    'odd/link.jpg: not classified: it is a link to /nowhere, which does not exist',
    /^odd\/notes\.txt: not classified: no JPEG, .*"not a picture"$/,
    /^odd\/photo\.jpg: \w+ \d+\.\d\d %, \w+ \d+\.\d\d %$/,
    /^.*\.png: \w+ \d+\.\d\d %, \w+ \d+\.\d\d %$/,
    /^2 images classified, 4 not, [\d.]+ images\/s$/,
  ])
  const json = await runCli(['predict', 'run', 'pictures', '--member', 'ensemble', '--json'], { cwd })
  t.equal(json.code, 0, json.stderr)
  const objects = json.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  t.equal(objects.length, 41)
  t.equal(objects[0].predictions.length, 5)
  t.match(objects[40], { images: 40, odd: 0 })
})

t.test('an export classifies as the run does, the ensemble too', async (t) => {
  const paths = pictures.slice(0, 5).map(({ path }) => path)
  for (const [member, file] of [
    [1, 'one.safetensors'],
    ['ensemble', 'all.safetensors'],
  ] as const) {
    const ended = await runCli(['export', 'run', '--member', `${member}`, '--out', file], { cwd })
    t.equal(ended.code, 0, ended.stderr)
    const logits: Float32Array[][] = []
    for (const model of [await loadModel(run, { member }), await loadModel(join(cwd, file))]) {
      logits.push(await model.logits(paths))
      await model.close()
    }
    t.same(logits[1], logits[0], file)
  }
})

t.test('models that cannot be loaded', async (t) => {
  const file = join(cwd, 'one.safetensors')
  await t.rejects(loadModel(join(cwd, 'none')), /Cannot read .*none: it does not exist/)
  await t.rejects(loadModel(join(cwd, 'pictures')), /Expected the folder of a run/)
  await t.rejects(loadModel(join(run, 'config.json')), /Expected a complete safetensors file/)
  await t.rejects(loadModel(run, { member: 2 }), /a branch from 0 to 1/)
  await t.rejects(loadModel(file, { member: 'ensemble' }), /method whose members make an ensemble/)
  await t.rejects(loadModel(file, { checkpoint: 3 }), /Expected the folder of a run/)
  await t.rejects(loadModel(run, { threads: 0 }), /whole number from 1 for threads/)
  await t.rejects(loadModel(run, { devices: 'gpu' }), /Expected executor xla for devices/)
})
