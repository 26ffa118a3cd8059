/** `train <folder of pictures>`: what it chooses, that it packs once, and what it refuses before any work. */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readConfig } from '../../src/config/make-config.ts'
import { choosePictureSettings } from '../../src/config/picture-settings.ts'
import { jpegOf } from '../datasets/made-images.ts'
import { runCli } from './run-cli.ts'

t.setTimeout(300_000)
const cwd = t.testdir({ photos: { cat: {}, dog: {} } })
for (const [label, name] of ['cat', 'dog'].entries()) {
  for (let image = 0; image < 6; image++) {
    writeFileSync(join(cwd, 'photos', name, `${image}.jpg`), await jpegOf(10 * label + image))
  }
}
writeFileSync(join(cwd, 'photos', 'dog', 'odd.jpg'), 'no picture')
const trainOn = (...argv: string[]) => runCli(['train', ...argv], { cwd })
const short = ['--steps', '1', '--image-size', '32']

t.test('pictures in class folders become a run that can be used', async (t) => {
  const ended = await trainOn('./photos', ...short)
  t.equal(ended.code, 0, ended.stderr)
  t.match(ended.stderr, /Pictures: 11 to train on and 2 to test on, of 2 classes; short side \d+/)
  t.match(ended.stderr, /Network: resnet-32 on 32x32 pixels, method one/)
  t.match(ended.stderr, /Training: 1 steps, batch 8, learning rate 0\.0063, cosine/)
  t.match(ended.stderr, /left out: dog\/odd\.jpg: no JPEG/)
  const [, run = ''] = /^Run: (.*)$/m.exec(ended.stdout) ?? []
  t.match(ended.stdout, `Use it: native-ensemble predict ${run} <pictures>`)
  t.match(await readConfig(join(cwd, run)), { network: 'resnet-32', batch: 8, imageSize: 32, schedule: 'cosine' })
  const used = await runCli(['predict', run, 'photos/cat', '--json'], { cwd })
  t.equal(used.code, 0, used.stderr)

  const again = await trainOn('./photos', ...short, '--init', run, '--method', 'vanilla', '--json')
  t.equal(again.code, 0, again.stderr)
  t.match(again.stderr, /Shards: .*, there already/)
  t.match(again.stderr, /tensors begin with the weights of /)
  t.match(again.stderr, /learning rate 0\.00063/, 'a tenth of the rate')
  t.equal(readdirSync(join(cwd, 'data')).length, 1, 'packed once')

  mkdirSync(join(cwd, 'photos', 'eel'))
  for (const image of [30, 31]) writeFileSync(join(cwd, 'photos', 'eel', `${image}.jpg`), await jpegOf(image))
  const more = await trainOn('photos', ...short, '--init', run)
  t.equal(more.code, 0, more.stderr)
  t.match(more.stderr, /classifier is made anew for these 3 classes .*trained on 2 classes/)
  t.equal(readdirSync(join(cwd, 'data')).length, 2, 'other pictures, other shards')
  t.match(await trainOn(run), { code: 2, stderr: /a folder of pictures for train but received .*is a run\n.*resume/ })
})

t.test('what cannot be trained on is refused before any work', async (t) => {
  const folders = readdirSync(cwd).sort()
  const cases: [argv: string[], says: RegExp][] = [
    [['./nowhere'], /a folder with a folder for each class, or a recipe for train but received \.\/nowhere/],
    [['nowhere'], /for the recipe but received nowhere/],
    [['photos/cat'], /folders of images for photos\/cat but received no class folders/],
    [
      ['photos', '--data', 'x', '--dataset', 'cifar10'],
      /nothing for --dataset with the folder photos[\s\S]*--data with/,
    ],
    [['photos', '--network', 'resnet-33', '--epoch', '1'], /--epoch[\s\S]*resnet-33/],
    [['photos', '--init', 'nowhere'], /Cannot read nowhere/],
    [['photos', '--profile'], /a recipe or options for --profile but received photos/],
  ]
  for (const [argv, says] of cases) t.match(await trainOn(...argv), { code: 2, stderr: says }, argv.join(' '))
  t.same(readdirSync(cwd).sort(), folders, 'nothing was made')
  t.equal(readdirSync(join(cwd, 'data')).length, 2)
  t.notOk(existsSync(join(cwd, 'runs', 'none')))
})

t.test('the choice goes with the pictures, and never against what was given', async (t) => {
  const pictures = { train: 4000, test: 400, classes: 10, shortSide: 300 }
  const chosen = choosePictureSettings(pictures, {}, null)
  t.match(chosen, {
    size: 128,
    settings: { network: 'imagenet-resnet-18', batch: 128, epochs: 100, learningRate: 0.1 },
  })
  t.match(choosePictureSettings(pictures, { devices: 'gpu' }, null), { size: 224 })
  t.match(choosePictureSettings({ ...pictures, shortSide: 32 }, {}, null), {
    size: 32,
    settings: { network: 'resnet-32' },
  })
  t.match(choosePictureSettings({ ...pictures, train: 100_000 }, {}, null), { settings: { epochs: 20 } })
  const tuned = choosePictureSettings(pictures, { init: 'x', devices: 'cpu:3' }, null)
  t.match(tuned, { size: 224, settings: { learningRate: 0.0098, epochs: 30, batch: 126 } })
  const begun = choosePictureSettings(pictures, { init: 'x' }, { network: 'wrn-16-4', block: 'auto', size: 64 })
  t.match(begun, { size: 64, settings: { network: 'wrn-16-4' } })
  const given = {
    network: 'vgg-16-bn',
    imageSize: 96,
    batch: 20,
    epochs: 3,
    learningRate: 1,
    schedule: 'step',
    method: 'kd',
  }
  const kept = choosePictureSettings(pictures, given, null)
  t.match(kept.settings, given)
  t.equal(kept.size, 96)
  const [adam, snapshot] = [{ optimizer: 'adamw' }, { method: 'snapshot', steps: 5 }]
  t.notOk('learningRate' in choosePictureSettings(pictures, adam, null).settings)
  const { settings } = choosePictureSettings(pictures, snapshot, null)
  t.notOk('schedule' in settings || 'epochs' in settings)
})
