import t from 'tap'
import type { ImageSplit } from '../../src/data/datasets/dataset.ts'
import { CENTRED, type Placement, randomPlacement, viewSplit, writeImage } from '../../src/data/input/augmentation.ts'
import { randomStream } from '../../src/vocabulary/random.ts'
import { numberedSplit } from './small-dataset.ts'

const SIDE = 32

/** The slow twin, in the words of the recipe: to 32 x 32 with zeros around, pad 4, crop 32 x 32, flip. */
function expectedImage(split: ImageSplit, sample: number, { top, left, flip }: Placement): number[] {
  const { height, width, channels, order } = split
  const stored = new Uint8Array(split.images).subarray(sample * height * width * channels)
  const at = (y: number, x: number, channel: number) => {
    const row = y - (SIDE - height) / 2
    const column = x - (SIDE - width) / 2
    if (row < 0 || row >= height || column < 0 || column >= width) return 0
    const from = channels === 1 ? 0 : channel
    const plane = (from * height + row) * width + column
    return stored[order === 'planes' ? plane : (row * width + column) * channels + from] ?? 0
  }
  const image: number[] = []
  for (let y = 0; y < SIDE; y++) {
    for (let x = 0; x < SIDE; x++) {
      const cropped = flip ? SIDE - 1 - x : x
      for (let channel = 0; channel < 3; channel++) image.push(at(y + top - 4, cropped + left - 4, channel))
    }
  }
  return image
}

const SPLITS: [name: string, split: ImageSplit][] = [
  ['CIFAR, planes', numberedSplit(3, 32, 3, 'planes')],
  ['Fashion-MNIST, grey', numberedSplit(3, 28, 1, 'pixels')],
  ['pixels of three channels', numberedSplit(3, 32, 3, 'pixels')],
]

for (const [name, split] of SPLITS) {
  t.test(`${name}: every placement is the padded, cropped and flipped image`, (t) => {
    const source = viewSplit(split)
    const offset = 5
    const target = new Uint8Array(offset + SIDE * SIDE * 3 + 1)
    for (let top = 0; top <= 8; top++) {
      for (let left = 0; left <= 8; left++) {
        for (const flip of [false, true]) {
          target.fill(77)
          writeImage(target, offset, { height: SIDE, width: SIDE, channels: 3 }, source, 1, { top, left, flip })
          const wanted = expectedImage(split, 1, { top, left, flip })
          if (!wanted.every((value, index) => target[offset + index] === value)) t.fail(`${top} ${left} ${flip}`)
          if (target[offset - 1] !== 77 || target.at(-1) !== 77) t.fail(`writes outside at ${top} ${left} ${flip}`)
        }
      }
    }
    t.equal(expectedImage(split, 1, CENTRED).filter((value) => value === 0).length, 3 * (SIDE ** 2 - split.height ** 2))
    t.end()
  })
}

t.test('a placement is the start of the stream (seed, augment, epoch, sample)', (t) => {
  const seen = { top: new Set<number>(), left: new Set<number>(), flips: 0 }
  const samples = 2000
  for (let sample = 0; sample < samples; sample++) {
    const placement = randomPlacement(11, 3, sample)
    const stream = randomStream(11, 'augment', 3, sample)
    if (sample < 20) t.same(placement, { top: stream.below(9), left: stream.below(9), flip: stream.below(2) === 1 })
    seen.top.add(placement.top)
    seen.left.add(placement.left)
    seen.flips += Number(placement.flip)
  }
  t.same([...seen.top].sort(), [0, 1, 2, 3, 4, 5, 6, 7, 8])
  t.same([...seen.left].sort(), [0, 1, 2, 3, 4, 5, 6, 7, 8])
  // The seed is fixed; 4 standard deviations of a fair coin are 89.
  t.ok(Math.abs(seen.flips - samples / 2) < 89, `${seen.flips} of ${samples} flipped`)
  t.end()
})
