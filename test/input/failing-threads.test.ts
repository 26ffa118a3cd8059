/** Decode threads that throw, end, run out of memory or hang in the middle of an image: the batches stay the same. */
import { existsSync, writeFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { packPictures, pictureDataset } from '../../bench/packed-pictures.ts'
import { InputPipeline, type PipelineOptions } from '../../src/data/input/pipeline.ts'
import { CROP_CASES, readCropFile } from '../images/crop-cases.ts'
import { TRAINING, takeAll } from './take-batches.ts'

const entry = new URL(`./sabotaged-decode${extname(fileURLToPath(import.meta.url))}`, import.meta.url)
const folder = t.testdir()
const order = join(folder, 'order')
// The threads take it over when they start.
process.env['SABOTAGE'] = order

const pictures = CROP_CASES.filter((_, index) => index % 3 === 0).map(({ file, image }) => ({
  ...image,
  bytes: readCropFile(file),
}))
const dataset = pictureDataset(packPictures([...pictures, ...pictures, ...pictures], join(folder, 'shard')), 32)
const OPTIONS: PipelineOptions = { dataset, batch: 6, slots: 5, decodeWorkers: 2, seed: 4, stallSeconds: 5 }

async function passOf(pipeline: InputPipeline, epoch: number): Promise<string> {
  pipeline.open({ ...TRAINING, epoch, partial: 'pad' })
  return (await takeAll(pipeline)).map(({ hash, batch }) => `${batch} ${hash}`).join()
}

async function undisturbed(epochs: number): Promise<string[]> {
  const pipeline = new InputPipeline(OPTIONS)
  const passes: string[] = []
  for (let epoch = 0; epoch < epochs; epoch++) passes.push(await passOf(pipeline, epoch))
  await pipeline.close()
  return passes
}

/** Once an epoch a thread fails; `npm run test:threads` asks for many. */
const EPOCHS = Number(process.env['DECODE_FAILURES'] ?? 3)
if (EPOCHS > 3) t.setTimeout(3_000_000)

for (const failure of ['throw', 'throw in the task', 'exit', 'exit-0', 'memory', 'loop']) {
  t.test(`${failure}: the thread is replaced, the batches are the same`, async (t) => {
    const wanted = await undisturbed(EPOCHS)
    const pipeline = new InputPipeline({ ...OPTIONS, entry })
    t.teardown(() => pipeline.close())
    for (let epoch = 0; epoch < EPOCHS; epoch++) {
      writeFileSync(order, failure)
      t.equal(await passOf(pipeline, epoch), wanted[epoch], `epoch ${epoch}`)
      t.notOk(existsSync(order), 'a thread did fail')
    }
    t.equal(pipeline.failure, null)
    t.equal(pipeline.threads.length, 2)
  })
}

t.test('a thread that always fails on an image: the input ends and names it', async (t) => {
  const pipeline = new InputPipeline({ ...OPTIONS, decodeWorkers: 1, entry })
  t.teardown(() => pipeline.close())
  writeFileSync(order, 'exit always')
  await t.rejects(passOf(pipeline, 0))
  t.match(pipeline.failure, { message: /^A decode thread died 4 times on image \d+ of the split train$/ })
})
