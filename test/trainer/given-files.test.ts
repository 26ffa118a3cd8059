/** Images of a run that goes on, and teachers, that are not what they should be. */
import { copyFile, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import t from 'tap'
import { type GivenSettings, makeConfig, readConfig } from '../../src/config/make-config.ts'
import { ProgressDisplay } from '../../src/report/progress.ts'
import { loadImages } from '../../src/train/run/load-images.ts'
import { resume, train } from '../../src/train/run/train.ts'
import { readFolder } from './read-run.ts'
import { TINY_ARCHIVE } from './run-cli.ts'

const TINY = { network: 'resnet-8', dataset: 'cifar10', data: TINY_ARCHIVE, batch: 16, logEvery: 1 } as const
t.setTimeout(120_000)
const cwd = t.testdir()

/** Keeps what is shown, and aborts once it has the text. */
function hooksThatStopAt(text: string) {
  const stop = new AbortController()
  const shown: string[] = []
  const write = (words: string) => {
    shown.push(words)
    if (words.includes(text)) stop.abort()
  }
  return { display: new ProgressDisplay({ write }), stop: stop.signal, shown }
}

async function trainTiny(name: string, settings: GivenSettings, hooks = hooksThatStopAt('never shown')) {
  const config = await makeConfig(null, { ...TINY, out: join(cwd, name), ...settings })
  return { hooks, outcome: await train(config, loadImages(config), hooks) }
}

t.test('a run goes on with the images that it began with, wherever they are', async (t) => {
  const { outcome } = await trainTiny('run', { steps: 14 }, hooksThatStopAt('step 5/'))
  t.equal(outcome.ended, 'interrupted')
  const [moved, changed] = [join(cwd, 'moved.tar.gz'), join(cwd, 'changed.tar.gz')]
  await copyFile(TINY_ARCHIVE, moved)
  const bytes = gunzipSync(await readFile(TINY_ARCHIVE))
  // A pixel: the name stands at the begin of a header of 512 bytes, before the first image and its label.
  const pixel = bytes.indexOf('cifar-10-batches-bin/data_batch_1.bin') + 512 + 100
  bytes[pixel] = (bytes[pixel] ?? 0) ^ 1
  await writeFile(changed, gzipSync(bytes))

  const before = await readFolder(join(cwd, 'run'))
  const goOn = async (data: string) => {
    const config = await readConfig(join(cwd, 'run'), { data })
    return await resume(config, loadImages(config), hooksThatStopAt('never shown'))
  }
  await t.rejects(goOn(changed), {
    name: 'UserFault',
    message:
      /the images that the run began with \(tiny-cifar-10-binary\.tar\.gz, SHA-256 \w{16}\.\.\.\).*changed\.tar\.gz/,
    remedy: /--data/,
  })
  t.same(await readFolder(join(cwd, 'run')), before, 'nothing was changed')
  t.equal((await goOn(moved)).ended, 'finished')
})

t.test('a teacher whose run has not ended is told of', async (t) => {
  const teacher = join(cwd, 'teacher')
  await trainTiny('teacher', { steps: 14 }, hooksThatStopAt('step 5/'))
  const given: GivenSettings = { method: 'kd', teacher, steps: 2 }
  const warning = /the teacher .*teacher is taken as it is after step \d+ \(epoch 1\): its run is to have 14 steps/
  t.match((await trainTiny('early', given)).hooks.shown.join(''), warning)
  const config = await readConfig(teacher)
  t.equal((await resume(config, loadImages(config), hooksThatStopAt('never shown'))).ended, 'finished')
  t.notMatch((await trainTiny('late', given)).hooks.shown.join(''), /is taken as it is/)
})
