/** The model in the browser: pictures are prepared by the same code as in Node, the network runs on WebGL, or in JavaScript. */
import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import '@tensorflow/tfjs-backend-webgl'
import { type GraphModel, loadGraphModel } from '@tensorflow/tfjs-converter'
import { resizePixels } from '../../../data/images/resize-pixels.ts'
import { largestClasses, type Prediction } from '../../model/predictions.ts'
import { type ImagePreparation, placeCrop, planOf } from '../../model/prepare-image.ts'
import type { EmbeddedModel } from '../embedded-model.ts'

export interface Classified {
  readonly predictions: readonly Prediction[]
  readonly logits: Float32Array
}

export interface PictureClassifier {
  /** `webgl` or `cpu`. */
  readonly backend: string
  classify(picture: CanvasImageSource, width: number, height: number): Promise<Classified>
}

const CLASSES = 5

/** @param only takes this backend instead of the first that works */
export async function createPictureClassifier(
  embedded: EmbeddedModel,
  only: string | null,
): Promise<PictureClassifier> {
  const backend = await chooseBackend(only)
  const model = await load(embedded)
  return {
    backend,
    classify: async (picture, width, height) => {
      const logits = await run(model, embedded.preparation, pixelsOf(picture, width, height), { width, height })
      return { logits, predictions: largestClasses(logits, embedded.classNames, CLASSES) }
    },
  }
}

async function chooseBackend(only: string | null): Promise<string> {
  for (const backend of only === null ? ['webgl', 'cpu'] : [only]) {
    if (await tf.setBackend(backend).catch(() => false)) {
      await tf.ready()
      return backend
    }
  }
  throw new Error('this browser runs neither WebGL nor JavaScript kernels')
}

async function load({ model, weightSpecs, weights }: EmbeddedModel): Promise<GraphModel> {
  const parts = weights.map((text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)))
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let offset = 0
  for (const part of parts) {
    bytes.set(part, offset)
    offset += part.length
  }
  // Written by src/deploy/tfjs in the form that the loader reads.
  const artifacts = { ...model, weightSpecs, weightData: bytes.buffer } as tf.io.ModelArtifacts
  return await loadGraphModel({ load: async () => artifacts })
}

/** RGB, [height, width, 3] u8. */
function pixelsOf(picture: CanvasImageSource, width: number, height: number): Uint8Array {
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true })
  if (context === null) throw new Error('the browser has no canvas')
  context.drawImage(picture, 0, 0, width, height)
  const { data } = context.getImageData(0, 0, width, height)
  return Uint8Array.from({ length: width * height * 3 }, (_, at) => data[Math.floor(at / 3) * 4 + (at % 3)] ?? 0)
}

async function run(
  model: GraphModel,
  preparation: ImagePreparation,
  pixels: Uint8Array,
  image: { readonly width: number; readonly height: number },
): Promise<Float32Array> {
  const { crop, input } = preparation
  const window = new Uint8Array(crop.height * crop.width * 3)
  resizePixels(pixels, image, planOf(preparation, image), window, 0)
  const prepared = new Uint8Array(input.height * input.width * 3)
  placeCrop(preparation, window, prepared, 0)
  const output = tf.tidy(() => model.predict(tf.tensor(Float32Array.from(prepared), [1, input.height, input.width, 3])))
  if (!(output instanceof tf.Tensor)) throw new Error('the model has more than one output')
  try {
    return await output.data<'float32'>()
  } finally {
    output.dispose()
  }
}
