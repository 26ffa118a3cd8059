/** Several views of each image: which pixels the slots of methods such as KDCL hold. */
import t from 'tap'
import { loadDataset } from '../../src/data/datasets/load-dataset.ts'
import {
  CENTRED,
  drawOf,
  type Placement,
  randomPlacement,
  viewSplit,
  writeImage,
} from '../../src/data/input/augmentation.ts'
import type { DecodeTask } from '../../src/data/input/decode-task.ts'
import { createSlotFiller } from '../../src/data/input/fill-slots.ts'
import { createSlotClaims } from '../../src/data/input/slot-claims.ts'
import { createSlotRing } from '../../src/data/input/slot-ring.ts'
import { NO_NOISE, type TrainingNoise } from '../../src/data/input/training-noise.ts'
import { fixturePath } from '../fixtures-folder.ts'

t.setTimeout(120_000)
const [SEED, EPOCH, BATCH] = [5, 3, 4]
const SIZE = { height: 32, width: 32, channels: 3 } as const
const { train, test } = await loadDataset('cifar10', fixturePath('pytorch/tiny-cifar-10-binary.tar.gz'))

const equal = (one: Uint8Array, other: Uint8Array) => Buffer.compare(one, other) === 0

/** Pixels [BATCH, 32, 32, 3 x views] of a split's first images. */
async function fill(views: number, split: 'train' | 'test', noise: TrainingNoise = NO_NOISE): Promise<Uint8Array> {
  const ring = createSlotRing({ ...SIZE, slots: 1, batch: BATCH, channels: 3 * views })
  const memory = {
    ring,
    splits: { train, test },
    seed: SEED,
    claims: createSlotClaims(1),
    noise,
    augmentation: null,
    views,
  }
  const augment = split === 'train' ? 'standard' : 'none'
  const fills = [{ slot: 0, batch: 0, first: 0, count: BATCH, claim: 0 }]
  const task: DecodeTask = { split, epoch: EPOCH, augment, own: false, repeats: 1, order: null, fills }
  t.same(await createSlotFiller(memory)(task), { kind: 'filled' })
  return new Uint8Array(ring.pixels)
}

/** One view of all images, [BATCH, 32, 32, 3]. */
function viewIn(pixels: Uint8Array, view: number, views: number): Uint8Array {
  return pixels.filter((_, place) => Math.floor((place % (3 * views)) / 3) === view)
}

/** The images as `writeImage` places them. */
function placed(of: (sample: number) => Placement, split = train): Uint8Array {
  const bytes = SIZE.height * SIZE.width * SIZE.channels
  const images = new Uint8Array(BATCH * bytes)
  const source = viewSplit(split)
  for (let sample = 0; sample < BATCH; sample++) {
    writeImage(images, sample * bytes, SIZE, source, sample, of(sample))
  }
  return images
}

t.test('each view is a crop of its own, the first one that of a single view', async (t) => {
  const alone = await fill(1, 'train')
  const three = await fill(3, 'train')
  t.ok(equal(viewIn(three, 0, 3), alone))
  for (const view of [0, 1, 2]) {
    const wanted = placed((sample) => randomPlacement(SEED, EPOCH, drawOf(sample, view)))
    t.ok(equal(viewIn(three, view, 3), wanted), `view ${view}`)
  }
  t.notOk(equal(viewIn(three, 1, 3), viewIn(three, 2, 3)))
})

t.test('the views of an image are coloured and erased each in its own way', async (t) => {
  const noise = { ...NO_NOISE, colourJitter: 0.4, randomErasing: 0.5, erasedTo: [125, 123, 114] }
  const [alone, two] = [await fill(1, 'train', noise), await fill(2, 'train', noise)]
  t.ok(equal(viewIn(two, 0, 2), alone))
  t.notOk(equal(viewIn(two, 1, 2), viewIn(await fill(2, 'train'), 1, 2)), 'the second view has noise too')
})

t.test('images that are evaluated are the same in every view', async (t) => {
  const two = await fill(2, 'test')
  const wanted = placed(() => CENTRED, test)
  for (const view of [0, 1]) t.ok(equal(viewIn(two, view, 2), wanted))
})
