/** Image files of a user's dataset: read, decoded whole, then cropped and resized as all photographs are. */
import { readFileSync } from 'node:fs'
import { UserFault } from '../../vocabulary/fault.ts'
import { fileFault } from '../../vocabulary/file-fault.ts'
import { isRecord, wrongOwn } from '../../vocabulary/own-definitions.ts'
import { randomStream } from '../../vocabulary/random.ts'
import type { FileSplit } from '../datasets/dataset.ts'
import { centreCrop, randomResizedCrop } from '../images/crop-plan.ts'
import { decodeWhole } from '../images/decode-whole.ts'
import { checkSize, type DecodedImage } from '../images/decoded-image.ts'
import { resizePixels } from '../images/resize-pixels.ts'
import { drawOf, type InputSize } from './augmentation.ts'
import type { ImageWriter } from './image-writers.ts'

/**
 * What the module of a dataset's `decoder` exports as `decode`, or by default.
 * @param bytes of the file
 * @returns the whole image, pixels [height, width, 3] of 0 - 255
 */
export type Decode = (bytes: Uint8Array, path: string) => DecodedImage | Promise<DecodedImage>

export function fileWriter(split: FileSplit, input: InputSize, seed: number): ImageWriter {
  const labels = new Int32Array(split.labels)
  // Loaded where the first file is asked for.
  let decode: Decode | Promise<Decode> | null = split.decoder === null ? decodeKnown : null
  const write = (decoded: DecodedImage, target: Uint8Array, offset: number, draw: number, augmented: number | null) => {
    const plan =
      augmented === null
        ? centreCrop(decoded, input)
        : randomResizedCrop(randomStream(seed, 'augment', augmented, draw), decoded, input)
    resizePixels(decoded.pixels, decoded, plan, target, offset)
  }
  return {
    labels,
    write(target, offset, sample, { epoch, augment, view = 0 }) {
      const path = split.files[sample] ?? ''
      const bytes = readBytes(path)
      const augmented = augment === 'standard' ? epoch : null
      const finish = (decoded: DecodedImage) =>
        write(checked(decoded, path, split.decoder), target, offset, drawOf(sample, view), augmented)
      const refuse = (cause: unknown): never => {
        throw undecodable(path, split.decoder, cause)
      }
      decode ??= loadDecoder(split.decoder ?? '')
      if (decode instanceof Promise) {
        return decode.then((loaded) => {
          decode = loaded
          return Promise.resolve()
            .then(() => loaded(bytes, path))
            .catch(refuse)
            .then(finish)
        })
      }
      let decoded: DecodedImage | Promise<DecodedImage>
      try {
        decoded = decode(bytes, path)
      } catch (cause) {
        return refuse(cause)
      }
      if (decoded instanceof Promise) return decoded.catch(refuse).then(finish)
      finish(decoded)
      return null
    },
  }
}

const decodeKnown: Decode = (bytes) => decodeWhole(bytes, { failOn: 'error' })

function readBytes(path: string): Uint8Array {
  try {
    return readFileSync(path)
  } catch (error) {
    throw fileFault(error, 'read', path)
  }
}

async function loadDecoder(url: string): Promise<Decode> {
  const exports: unknown = await import(url).catch((error: unknown) => {
    const message = error instanceof Error ? error.message : String(error)
    throw wrongOwn('a module that can be loaded', url, message, 'Correct the decoder of the dataset.', error)
  })
  const decode = isRecord(exports) ? (exports['decode'] ?? exports['default']) : undefined
  if (isDecode(decode)) return decode
  throw wrongOwn(
    'an export named decode, a function,',
    url,
    typeof decode,
    'Write export function decode(bytes) { ... }.',
  )
}

function isDecode(value: unknown): value is Decode {
  return typeof value === 'function'
}

function checked(image: unknown, path: string, decoder: string | null): DecodedImage {
  if (isDecoded(image)) {
    checkSize(image.width, image.height)
    if (image.pixels.length === 3 * image.width * image.height) return image
  }
  const remedy = 'decode returns { pixels, width, height }, pixels a Uint8Array of [height, width, 3].'
  throw wrongOwn(`an image of ${path}`, decoder ?? 'the decoder', 'something else', remedy)
}

function isDecoded(value: unknown): value is DecodedImage {
  return (
    isRecord(value) &&
    value['pixels'] instanceof Uint8Array &&
    Number.isSafeInteger(value['width']) &&
    Number.isSafeInteger(value['height'])
  )
}

function undecodable(path: string, decoder: string | null, cause: unknown): UserFault {
  if (cause instanceof UserFault) return cause
  const reason = cause instanceof Error ? cause.message : String(cause)
  const by = decoder === null ? '' : ` by ${decoder}`
  return new UserFault(
    `Expected an image that can be decoded${by} for ${path} but received: ${reason}`,
    'Leave it out of the dataset.',
  )
}
