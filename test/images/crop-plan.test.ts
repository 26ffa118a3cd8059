import t from 'tap'
import { centreCrop, randomResizedCrop } from '../../src/data/images/crop-plan.ts'
import { randomStream } from '../../src/vocabulary/random.ts'

const TARGET = { width: 224, height: 224 }
const crop = (width: number, height: number, sample: number) =>
  randomResizedCrop(randomStream(1, 'augment', 0, sample), { width, height }, TARGET)

t.test('boxes of RandomResizedCrop: area 0.08 - 1, ratio 3/4 - 4/3, anywhere in the image', (t) => {
  const [width, height, samples] = [500, 375, 4000]
  const sums = { area: 0, lnRatio: 0, flips: 0, left: 0 }
  for (let sample = 0; sample < samples; sample++) {
    const plan = crop(width, height, sample)
    const area = (plan.width * plan.height) / (width * height)
    const ratio = plan.width / plan.height
    const inside =
      plan.left >= 0 && plan.top >= 0 && plan.left + plan.width <= width && plan.top + plan.height <= height
    if (!inside || area < 0.079 || area > 1 || ratio < 0.74 || ratio > 1.35) t.fail(JSON.stringify(plan))
    sums.area += area / samples
    sums.lnRatio += Math.log(ratio) / samples
    sums.flips += plan.flip ? 1 / samples : 0
    sums.left += plan.width < width ? plan.left / (width - plan.width) / samples : 0.5 / samples
  }
  t.ok(Math.abs(sums.flips - 0.5) < 0.03, `${sums.flips}`)
  t.ok(Math.abs(sums.left - 0.5) < 0.02, `${sums.left}`)
  // Boxes that do not fit are drawn anew, so that large ones are rarer than an even area would have them.
  t.ok(sums.area > 0.4 && sums.area < 0.54, `${sums.area}`)
  t.ok(Math.abs(sums.lnRatio) < 0.06, `${sums.lnRatio}`)
  t.end()
})

t.test('an image that no box fits: the largest middle part of an allowed ratio, as torchvision', (t) => {
  for (let sample = 0; sample < 20; sample++) {
    t.match(crop(500, 10, sample), { left: 243, top: 0, width: 13, height: 10 })
    t.match(crop(10, 500, sample), { left: 0, top: 243, width: 10, height: 13 })
    t.match(crop(1, 1, sample), { left: 0, top: 0, width: 1, height: 1 })
  }
  t.end()
})

t.test('evaluation: short side 256, the middle 224, rounded as torchvision', (t) => {
  const whole = { left: 0, top: 0, flip: false, scaled: false, windowWidth: 224, windowHeight: 224 }
  t.match(centreCrop({ width: 500, height: 375 }, TARGET), {
    ...whole,
    ...{ resizedWidth: 341, resizedHeight: 256, windowLeft: 58, windowTop: 16 },
  })
  t.match(centreCrop({ width: 375, height: 500 }, TARGET), {
    ...whole,
    ...{ resizedWidth: 256, resizedHeight: 341, windowLeft: 16, windowTop: 58 },
  })
  t.match(centreCrop({ width: 1, height: 1 }, TARGET), { ...whole, resizedWidth: 256, resizedHeight: 256 })
  t.match(centreCrop({ width: 300, height: 300 }, { width: 128, height: 128 }), {
    ...{ resizedWidth: 146, resizedHeight: 146, windowLeft: 9, windowTop: 9, windowWidth: 128 },
  })
  t.end()
})
