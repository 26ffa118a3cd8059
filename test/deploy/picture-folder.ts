/** Test images of the small archive as PNG files, each in the folder of its class. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import { loadDataset } from '../../src/data/datasets/load-dataset.ts'
import { TINY_ARCHIVE } from '../trainer/run-cli.ts'

export interface Picture {
  readonly path: string
  readonly label: string
}

export async function writePictures(folder: string): Promise<Picture[]> {
  const { test, description } = await loadDataset('cifar10', TINY_ARCHIVE)
  if (test.storage !== 'pixels') throw new Error('Expected images in memory')
  const { height, width, channels } = test
  const planes = new Uint8Array(test.images)
  const labels = new Int32Array(test.labels)
  const area = height * width
  const pictures: Picture[] = []
  for (let image = 0; image < test.count; image++) {
    const pixels = Uint8Array.from({ length: area * channels }, (_, place) => {
      const [pixel, channel] = [Math.floor(place / channels), place % channels]
      return planes[(image * channels + channel) * area + pixel]!
    })
    const label = description.classNames[labels[image]!]!
    mkdirSync(join(folder, label), { recursive: true })
    const path = join(folder, label, `${image}.png`)
    await sharp(pixels, { raw: { width, height, channels: 3 } })
      .png()
      .toFile(path)
    pictures.push({ path, label })
  }
  return pictures
}
