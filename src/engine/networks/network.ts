import type { Value } from '../graph/graph-builder.ts'
import type { Layers } from './layers.ts'

/**
 * A classifier cut at the place where ONE branches: everything before the last stage is the trunk, the last stage with
 * its classifier is what each branch owns (reference.md, "Network").
 */
export interface Network {
  /** As the user names it, e.g. `resnet-32`. */
  readonly name: string
  /** Normalised images [B, 3, H, W] -> features [B, C, H', W']. */
  trunk(layers: Layers, images: Value): Value
  /** Features -> logits f32 [B, classes]. */
  branch(layers: Layers, features: Value, classes: number): Value
}
