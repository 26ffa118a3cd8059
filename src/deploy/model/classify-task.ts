/** All that crosses between a model and its threads. */
import type { ExecutorChoice } from '../../engine/executors/executor-choice.ts'
import type { Program } from '../../engine/graph/program.ts'
import type { StateLayout } from '../../engine/graph/state-layout.ts'
import type { ImagePreparation } from './prepare-image.ts'

/** Decoded pixels, [height, width, 3] u8. */
export interface RawPixels {
  readonly pixels: Uint8Array
  readonly width: number
  readonly height: number
}

/** A path, the bytes of an image file, or pixels. */
export type ThreadImage = string | Uint8Array | RawPixels

/** Given once to each thread, as its workerData. */
export interface ClassifierSetup {
  readonly executor: ExecutorChoice
  /** The same program for several batches, the smallest first. */
  readonly programs: readonly Program[]
  readonly classes: number
  readonly layout: StateLayout
  /** Weights, which nobody changes. */
  readonly state: SharedArrayBuffer
  /** Made by the main thread where the executor shares something through it; null = each thread makes its own. */
  readonly exchange: SharedArrayBuffer | null
  readonly preparation: ImagePreparation
  /** Logical CPUs, one for each thread. */
  readonly cores: readonly number[]
  /** i32: threads that have begun, which gives each its number. */
  readonly begun: SharedArrayBuffer
}

export interface ClassifyTask {
  /** No more than the largest batch. */
  readonly images: readonly ThreadImage[]
}

export type ClassifyReply =
  | {
      readonly kind: 'classified'
      /** f32 [images, classes]; rows of images with a problem mean nothing. */
      readonly logits: Float32Array
      /** Why an image cannot be classified, in words; null where it was. */
      readonly problems: readonly (string | null)[]
    }
  /** A fault of the executor, not of an image. */
  | { readonly kind: 'failed'; readonly message: string; readonly remedy: string | null; readonly stack: string }
