/** Colours of every kind of file: Pillow's convert('RGB'), byte for byte, by every decoder. */
import t from 'tap'
import { wholeImage } from '../../src/data/images/crop-plan.ts'
import { decodeWhole } from '../../src/data/images/decode-whole.ts'
import { createImageDecoder } from '../../src/data/images/image-decoder.ts'
import { difference } from './crop-cases.ts'
import { boundOf, PICTURES } from './picture-cases.ts'

t.test('decoded whole', async (t) => {
  for (const picture of PICTURES) {
    const { file, bytes, width, height, pixels } = picture
    const decode = async () => await decodeWhole(bytes, { failOn: 'error' })
    if (pixels === null) {
      await t.rejects(decode(), { message: /\S/ }, file)
      continue
    }
    const decoded = await decode()
    t.same([decoded.width, decoded.height], [width, height], file)
    t.ok(difference(decoded.pixels, pixels).largest <= boundOf(picture), file)
  }
})

for (const jpeg of ['libjpeg-turbo addon', 'sharp'] as const) {
  t.test(`as decode threads decode, JPEGs by ${jpeg}`, async (t) => {
    const decoder = createImageDecoder(jpeg)
    for (const picture of PICTURES) {
      const { file, bytes, width, height, pixels } = picture
      if (pixels === null) continue
      const image = { width, height }
      const target = new Uint8Array(3 * width * height)
      await decoder.decode(bytes, image, wholeImage(image), target, 0)
      t.ok(difference(target, pixels).largest <= boundOf(picture), file)
    }
  })
}

t.test('a file that is cut off is refused', async (t) => {
  for (const { file, bytes, pixels } of PICTURES) {
    if (pixels === null) continue
    // Half of an animation holds its first picture.
    for (const part of file.includes('animated') ? [0.1] : [0.2, 0.5]) {
      const cut = bytes.subarray(0, Math.floor(bytes.length * part))
      await t.rejects(async () => await decodeWhole(cut, { failOn: 'error' }), { message: /\S/ }, `${file} ${part}`)
    }
  }
})
