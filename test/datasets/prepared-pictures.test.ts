/** From files of all kinds through `prepare` into slots: the pixels that Pillow gives, resized as everywhere. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import t from 'tap'
import { loadDataset } from '../../src/data/datasets/load-dataset.ts'
import { examineImage } from '../../src/data/datasets/prepare/examine-image.ts'
import { centreCrop, randomResizedCrop } from '../../src/data/images/crop-plan.ts'
import { resizePixels } from '../../src/data/images/resize-pixels.ts'
import { createImageWriter } from '../../src/data/input/image-writers.ts'
import { randomStream } from '../../src/vocabulary/random.ts'
import { difference, readCropFile } from '../images/crop-cases.ts'
import { boundOf, PICTURES } from '../images/picture-cases.ts'
import { jpegOf } from './made-images.ts'
import { prepareCall } from './prepare-call.ts'

t.setTimeout(300_000)

const SIDE = 32
const SEED = 5

t.test('packed as they are, decoded for training and for evaluation', async (t) => {
  const folder = t.testdir({ in: { a: {}, b: {} } })
  const good = PICTURES.filter(({ pixels }) => pixels !== null)
  for (const { file, bytes } of PICTURES) writeFileSync(join(folder, 'in', 'a', file), bytes)
  writeFileSync(join(folder, 'in', 'b', 'x.jpg'), await jpegOf(1))
  const options = { validation: 0, onBad: 'skip' } as const
  const { bad, odd } = await prepareCall(join(folder, 'in'), join(folder, 'out'), options)
  t.same(bad.map(({ name }) => name).sort(), ['a/bmp-runs8-skips.bmp', 'a/tif-lab.tif'])
  const clipped = odd.filter(({ what }) => what.startsWith('grey of 16 bits')).map(({ name }) => name)
  t.ok(clipped.includes('a/png-grey16.png') && clipped.includes('a/tif-grey16.tif'), 'nearly white pictures are named')
  t.notOk(
    odd.some(({ what }) => /by its bytes/.test(what)),
    'the endings are known',
  )
  const { train } = await loadDataset('image-folder', join(folder, 'out'))
  const writer = createImageWriter(train, { height: SIDE, width: SIDE, channels: 3 }, SEED)
  // torchvision's order: by names, as they lie in one folder.
  const named = [...good].sort((one, other) => (one.file < other.file ? -1 : 1))
  t.equal(train.count, named.length + 1)
  const target = { width: SIDE, height: SIDE }
  for (const [sample, picture] of named.entries()) {
    const { width, height, pixels } = picture
    if (pixels === null) continue
    for (const augment of ['none', 'standard'] as const) {
      const image = { width, height }
      const drawn = randomResizedCrop(randomStream(SEED, 'augment', 3, sample), image, target)
      const plan = augment === 'none' ? centreCrop(image, target) : drawn
      const [wanted, made] = [new Uint8Array(3 * SIDE * SIDE), new Uint8Array(3 * SIDE * SIDE)]
      resizePixels(pixels, image, plan, wanted, 0)
      await writer.write(made, 0, sample, { epoch: 3, augment })
      t.ok(difference(made, wanted).largest <= boundOf(picture), `${picture.file} ${augment}`)
    }
  }
})

t.test('--short-side: the same pixels, made smaller and written as a JPEG', async (t) => {
  const encoding = { format: 'jpeg', shortSide: 9, quality: 90 } as const
  for (const { file, bytes, width, height, pixels } of PICTURES) {
    if (pixels === null) continue
    const image = await examineImage(bytes, file, encoding)
    if (image.kind === 'bad') {
      t.fail(`${file}: ${image.reason}`)
      continue
    }
    const wanted = await sharp(pixels, { raw: { width, height, channels: 3 } })
      .resize({ width: 9, height: 9, fit: 'outside', withoutEnlargement: true })
      .jpeg({ quality: 90 })
      .toBuffer()
    const [made, drawn] = await Promise.all([image.bytes, wanted].map((jpeg) => sharp(jpeg).raw().toBuffer()))
    if (made === undefined || drawn === undefined) throw new Error('no pixels')
    t.ok(difference(made, drawn).largest <= 2, file)
    t.same((await sharp(image.bytes).metadata()).icc, undefined, 'no profile goes along')
  }
})

t.test('--short-side of a JPEG without a profile: as libvips does it in one go', async (t) => {
  for (const file of ['420.jpg', '444.jpg', 'progressive.jpg', 'grey.jpg', 'large.jpg']) {
    const bytes = Buffer.from(readCropFile(file))
    const image = await examineImage(bytes, file, { format: 'jpeg', shortSide: 64, quality: 90 })
    const wanted = await sharp(bytes)
      .resize({ width: 64, height: 64, fit: 'outside', withoutEnlargement: true, fastShrinkOnLoad: false })
      .toColourspace('srgb')
      .removeAlpha()
      .jpeg({ quality: 90 })
      .toBuffer()
    t.same(image.kind === 'good' && image.bytes, wanted, file)
  }
})
