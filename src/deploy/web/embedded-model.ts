import type { ImagePreparation } from '../model/prepare-image.ts'

/** What model.js gives the page: a GraphModel whose weights lie in the script, as a page that is a file may load nothing else. */
export interface EmbeddedModel {
  readonly title: string
  readonly classNames: readonly string[]
  readonly preparation: ImagePreparation
  /** model.json without its manifest of weights. */
  readonly model: Readonly<Record<string, unknown>>
  readonly weightSpecs: readonly { readonly name: string; readonly shape: readonly number[]; readonly dtype: string }[]
  /** Bytes of all weights one behind the other, in parts of Base64. */
  readonly weights: readonly string[]
}

/** Name of the global variable. */
export const EMBEDDED_MODEL = 'nativeEnsembleModel'
