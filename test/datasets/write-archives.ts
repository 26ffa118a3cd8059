/** Writes small datasets in the published formats, for tests that read them back. */
import { gzipSync } from 'node:zlib'

const BLOCK = 512

/** A ustar archive of regular files, in order, with the two zero blocks of its end. */
export function tarOf(files: readonly (readonly [name: string, contents: Uint8Array])[]): Buffer {
  const blocks: Buffer[] = []
  for (const [name, contents] of files) {
    const header = Buffer.alloc(BLOCK)
    header.write(name, 0)
    header.write('0000644\0', 100)
    header.write(`${contents.length.toString(8).padStart(11, '0')}\0`, 124)
    header.write('        0ustar\x0000', 148)
    const sum = header.reduce((total, byte) => total + byte, 0)
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
    blocks.push(header, Buffer.from(contents), Buffer.alloc((BLOCK - (contents.length % BLOCK)) % BLOCK))
  }
  return Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK)])
}

/** Byte `index` of image `image` of a test split: differs between neighbours in every direction. */
export function pixelOf(image: number, index: number): number {
  return (image * 31 + index * 7 + (index >> 5)) & 0xff
}

/** Records of CIFAR's binary version: the label bytes of each image, then 3072 pixel bytes. */
export function cifarRecords(labels: readonly (readonly number[])[], firstImage = 0): Buffer {
  return Buffer.concat(
    labels.map((bytes, index) =>
      Buffer.concat([
        Uint8Array.from(bytes),
        Uint8Array.from({ length: 3072 }, (_, byte) => pixelOf(firstImage + index, byte)),
      ]),
    ),
  )
}

/** An IDX file of bytes. */
export function idxOf(shape: readonly number[], data: Uint8Array): Buffer {
  const header = Buffer.alloc(4 + 4 * shape.length)
  header.writeUInt32BE(0x0800 | shape.length, 0)
  for (const [axis, size] of shape.entries()) header.writeUInt32BE(size, 4 + 4 * axis)
  return Buffer.concat([header, data])
}

/** The four files of a small Fashion-MNIST by name; `gzip` as published. */
export function fashionFiles(trainLabels: readonly number[], testLabels: readonly number[], gzip: boolean) {
  const files: Record<string, Buffer> = {}
  for (const [prefix, labels] of [
    ['train', trainLabels],
    ['t10k', testLabels],
  ] as const) {
    const pixels = Uint8Array.from({ length: labels.length * 784 }, (_, byte) => pixelOf(Math.floor(byte / 784), byte))
    const images = idxOf([labels.length, 28, 28], pixels)
    const classes = idxOf([labels.length], Uint8Array.from(labels))
    files[`${prefix}-images-idx3-ubyte${gzip ? '.gz' : ''}`] = gzip ? gzipSync(images) : images
    files[`${prefix}-labels-idx1-ubyte${gzip ? '.gz' : ''}`] = gzip ? gzipSync(classes) : classes
  }
  return files
}
