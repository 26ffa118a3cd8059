/** Published archives as they come: gzip guards their contents by a CRC-32, so that nothing but the same is accepted. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadCifar } from '../../../src/data/datasets/cifar.ts'
import type { ImageSplit, LoadedDataset } from '../../../src/data/datasets/dataset.ts'
import { loadFashionMnist } from '../../../src/data/datasets/fashion-mnist.ts'
import { fashionFiles } from '../../../test/datasets/write-archives.ts'
import { fixturePath } from '../../../test/fixtures-folder.ts'
import { fingerprint } from '../fingerprint.ts'
import type { FuzzTarget } from '../fuzz-target.ts'

const FASHION_FILES = fashionFiles([3, 1, 4, 1, 5], [9, 2], true)
const FASHION = 'train-images-idx3-ubyte.gz'
const CIFAR = 'cifar-10-binary.tar.gz'

export const FASHION_GZIP_TARGET: FuzzTarget = {
  name: 'fashion-gzip',
  file: 'train-images-idx3-ubyte',
  samples: () => [FASHION_FILES[FASHION] ?? Buffer.alloc(0)],
  async read(bytes, scratch) {
    for (const [name, contents] of Object.entries(FASHION_FILES)) {
      if (!existsSync(join(scratch, name))) writeFileSync(join(scratch, name), contents)
    }
    writeFileSync(join(scratch, FASHION), bytes)
    return contentsOf(await loadFashionMnist(scratch))
  },
}

export const CIFAR_TARGET: FuzzTarget = {
  name: 'cifar-tar-gzip',
  file: CIFAR,
  samples: () => [readFileSync(fixturePath('pytorch/tiny-cifar-10-binary.tar.gz'))],
  async read(bytes, scratch) {
    const path = join(scratch, CIFAR)
    writeFileSync(path, bytes)
    return contentsOf(await loadCifar('cifar10', path))
  },
}

function contentsOf({ description, train, test }: LoadedDataset<ImageSplit>): string {
  return fingerprint([
    description.classNames.join(),
    ...[train, test].flatMap(({ images, labels }) => [new Int32Array(labels).join(), new Uint8Array(images)]),
  ])
}
