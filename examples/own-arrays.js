// Images from arrays: `node examples/own-arrays.js [epochs]`. Here they are drawn: bright discs and squares on noise.
import { defineDataset, train } from 'native-ensemble'

const SIDE = 32

/** @param {number} count @param {number} first */
function draw(count, first) {
  const pixels = new Uint8Array(count * SIDE * SIDE)
  const labels = Array.from({ length: count }, (_, image) => (image + first) % 2)
  for (const [image, label] of labels.entries()) {
    const middle = 12 + ((image * 7) % 8)
    for (let row = 0; row < SIDE; row++) {
      for (let column = 0; column < SIDE; column++) {
        const [down, right] = [Math.abs(row - middle), Math.abs(column - middle)]
        const inside = label === 0 ? down ** 2 + right ** 2 < 64 : Math.max(down, right) < 8
        const noise = (image * 31 + row * 17 + column * 29) % 60
        pixels[(image * SIDE + row) * SIDE + column] = (inside ? 180 : 20) + noise
      }
    }
  }
  return { pixels, labels, channels: /** @type {const} */ (1) }
}

const shapes = defineDataset({
  name: 'shapes',
  classNames: ['disc', 'square'],
  height: SIDE,
  width: SIDE,
  load: () => ({ train: draw(256, 0), test: draw(64, 1) }),
})

const [epochs = '5'] = process.argv.slice(2)
const run = await train({ dataset: shapes, network: 'resnet-8', epochs: Number(epochs), batch: 64 })
console.log(`test error ${run.test?.top1.mean} %`)
