/** Mixup and CutMix against the formulas of torchvision (v2.MixUp, v2.CutMix), and their shares over many batches. */
import t from 'tap'
import { drawMixing, type Mixing, mixImages } from '../../src/data/input/mixing.ts'

const SIZE = { height: 6, width: 5, channels: 3 }
const BYTES = SIZE.height * SIZE.width * SIZE.channels
const COUNT = 4
const always = () => true

const pixels = () => Uint8Array.from({ length: COUNT * BYTES }, (_, byte) => (byte * 89 + (byte >> 4) * 37) & 0xff)

/** The batch rolled by one: each image's partner is the one before it, that of the first the last. */
const rolled = (batch: Uint8Array) => Uint8Array.of(...batch.slice(-BYTES), ...batch.slice(0, -BYTES))

function mixed(mixing: Mixing): Uint8Array {
  const batch = pixels()
  mixImages(batch, SIZE, mixing, always)
  return batch
}

t.test('a blend: share x + (1 - share) roll(x, 1), rounded to a byte', (t) => {
  const [own, partner] = [pixels(), rolled(pixels())]
  for (const share of [0, 1 / 65536, 0.25, 0.5, 12345 / 65536, 1]) {
    const batch = mixed({ kind: 'blend', share })
    const apart = batch.map((byte, place) => {
      const exact = share * (own[place] ?? 0) + (1 - share) * (partner[place] ?? 0)
      return Math.abs(byte - exact) <= 0.5 ? 0 : 1
    })
    t.notOk(apart.includes(1), `${share}`)
  }
  t.same(mixed({ kind: 'blend', share: 1 }), own)
  t.same(mixed({ kind: 'blend', share: 0 }), partner)
  t.end()
})

t.test("a paste: the box is the partner's, all else the image's own", (t) => {
  const [own, partner] = [pixels(), rolled(pixels())]
  const box = { top: 1, bottom: 4, left: 2, right: 5 }
  const batch = mixed({ kind: 'paste', share: 0.7, box })
  const wanted = own.map((byte, place) => {
    const pixel = Math.trunc((place % BYTES) / SIZE.channels)
    const [row, column] = [Math.trunc(pixel / SIZE.width), pixel % SIZE.width]
    const inside = row >= box.top && row < box.bottom && column >= box.left && column < box.right
    return inside ? (partner[place] ?? 0) : byte
  })
  t.same(batch, wanted)
  t.end()
})

t.test('what is no longer wanted stays as it is', (t) => {
  const batch = pixels()
  mixImages(batch, SIZE, { kind: 'blend', share: 0.5 }, () => false)
  t.same(batch, pixels())
  t.end()
})

const drawn = (options: { mixup: number; cutmix: number }, size = { height: 32, width: 32 }) =>
  Array.from({ length: 4000 }, (_, batch) => drawMixing(options, size, 1, 0, batch))

t.test('shares of a blend are those of Beta(alpha, alpha)', (t) => {
  for (const alpha of [0.2, 1, 4]) {
    const shares = drawn({ mixup: alpha, cutmix: 0 }).map((mixing) => mixing?.share ?? Number.NaN)
    const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length
    const variance = shares.reduce((sum, share) => sum + (share - mean) ** 2, 0) / shares.length
    // Of Beta(a, a): mean 1/2, variance 1 / (4 (2 a + 1)).
    t.ok(Math.abs(mean - 0.5) < 0.03, `${alpha}: mean ${mean}`)
    t.ok(Math.abs(variance * 4 * (2 * alpha + 1) - 1) < 0.06, `${alpha}: variance ${variance}`)
    t.ok(shares.every((share) => share >= 0 && share <= 1 && Number.isInteger(share * 65536)))
  }
  t.ok(drawn({ mixup: 0.0001, cutmix: 0 }).every((mixing) => mixing !== null && mixing.share >= 0))
  t.end()
})

t.test('boxes lie in the image, and the share is what they leave of it', (t) => {
  const size = { height: 33, width: 47 }
  const mixings = drawn({ mixup: 0, cutmix: 1 }, size)
  for (const mixing of mixings) {
    if (mixing?.kind !== 'paste') throw new Error('Expected a box')
    const { top, bottom, left, right } = mixing.box
    const inside =
      top >= 0 && top <= bottom && bottom <= size.height && left >= 0 && left <= right && right <= size.width
    if (!inside) t.fail(JSON.stringify(mixing))
    if (Math.abs(mixing.share - (1 - ((bottom - top) * (right - left)) / (size.height * size.width))) > 1e-12) t.fail()
  }
  const mean = mixings.reduce((sum, mixing) => sum + (mixing?.share ?? 0), 0) / mixings.length
  // Half by the draw, more as boxes are cut at the edges: E[1 - area] of torchvision's rule is about 0.65.
  t.ok(mean > 0.6 && mean < 0.72, `${mean}`)
  t.end()
})

t.test('both take half of the batches each; numbers follow from seed, epoch and batch', (t) => {
  const kinds = drawn({ mixup: 0.2, cutmix: 1 }).map((mixing) => mixing?.kind)
  const blends = kinds.filter((kind) => kind === 'blend').length
  t.ok(Math.abs(blends / kinds.length - 0.5) < 0.03, `${blends}`)
  const options = { mixup: 1, cutmix: 0 }
  const draw = (seed: number, epoch: number, batch: number) => drawMixing(options, SIZE, seed, epoch, batch)
  t.same(draw(1, 2, 3), draw(1, 2, 3))
  const others = [draw(2, 2, 3), draw(1, 3, 3), draw(1, 2, 4)].map((mixing) => mixing?.share)
  t.notOk(others.includes(draw(1, 2, 3)?.share))
  t.equal(drawMixing({ mixup: 0, cutmix: 0 }, SIZE, 1, 0, 0), null)
  t.end()
})
