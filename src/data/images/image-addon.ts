/** The border to the image addon (native/images/addon.cpp): nothing else in TypeScript loads it. */
import { createRequire } from 'node:module'
import { findAddon } from '../../vocabulary/addon-file.ts'

/** Over libjpeg-turbo; keeps its buffers, so each thread makes one of its own. */
export interface NativeJpegDecoder {
  /**
   * @param plan PLAN_WORDS words
   * @returns how many faults of the data were bridged
   * @throws Error with libjpeg's words for what is no JPEG, or one that cannot be decoded
   */
  decode(bytes: Uint8Array, plan: Int32Array, target: Uint8Array, offset: number): number
  /** [width, height, components, 1 where progressive]. @throws Error as decode */
  header(bytes: Uint8Array): Int32Array
}

export interface ImageAddon {
  /** `vectors`: those of the resize (default: the first of those that are here). */
  readonly JpegDecoder: new (
    vectors?: VectorSet,
  ) => NativeJpegDecoder
  /** libjpeg-turbo's version, e.g. `3.1.0`. */
  readonly version: string
  /** What this build has, the fastest first; all give the same bytes. */
  readonly vectors: readonly VectorSet[]
}

/** Vector instructions of the resize; `none` are plain loops, the slow twin of the others. */
export type VectorSet = 'avx512' | 'avx2' | 'none'

/** The addon that findAddon names, or why it cannot be loaded. */
export function loadImageAddon(): ImageAddon | { readonly absence: string } {
  try {
    // The addon's exports are described above and nowhere else: this cast is the border.
    return createRequire(import.meta.url)(findAddon('images').path) as ImageAddon
  } catch (cause) {
    return { absence: cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause) }
  }
}
