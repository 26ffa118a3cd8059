import type { GraphBuilder, Value } from '../graph/graph-builder.ts'
import type { Layers } from '../networks/layers.ts'
import type { Network } from '../networks/network.ts'

/** What a method's networks say of a batch. */
export interface Predictions {
  /** Logits of each network that is trained: branches, peers, or the only one. f32 [B, classes]. */
  readonly branches: readonly Value[]
  /** Logits of the ensemble of them, f32 [B, classes]; null where the method has none. */
  readonly teacher: Value | null
  /** Logits that each member is distilled from, f32 [B, classes], where each has its own: only training reads them. */
  readonly ownTeachers?: readonly Value[]
  /** Logits of a network that was trained before, f32 [B, classes]: only training reads them. */
  readonly pretrained?: Value
}

/** A training objective, with the parts it is the sum of. */
export interface Objective {
  readonly total: Value
  readonly parts: readonly { readonly name: string; readonly value: Value }[]
}

/** What the images of a batch are: one class each, or two where another image is mixed into each. */
export interface Targets {
  /** i32 [B], or [2, B] with the partners' */
  readonly labels: Value
  /** Parts of the images' own classes and of their partners', whose sum is 1; null where nothing is mixed. */
  readonly shares: { readonly own: Value; readonly partner: Value } | null
  /** Label smoothing of every cross entropy with the classes; none where left out. */
  readonly smoothing?: number
}

/** One paper: which networks exist and what they minimise. */
export interface Method {
  readonly name: string
  /** Scalars that the objective reads at each step beside the learning rate. */
  readonly scalars: readonly ScalarName[]
  /** Images of each sample, each augmented anew, that `images` has one after the other among its channels (default: 1). */
  readonly views?: number
  /** @param images normalised [B, C, H, W]; @param network the target */
  capture(layers: Layers, network: Network, images: Value, classes: number): Predictions
  /** @param targets what cross entropies compare with; `scalar` gives the inputs named in `scalars` */
  objective(
    graph: GraphBuilder,
    predictions: Predictions,
    targets: Targets,
    scalar: (name: ScalarName) => Value,
  ): Objective
}

/** Numbers that the schedule gives to each step. Two bring distillation in: ONE's exponential ramp-up, and a straight line. */
export type ScalarName = 'learning_rate' | 'distillation_weight' | 'linear_ramp_up' | 'own_share' | 'partner_share'
