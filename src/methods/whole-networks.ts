import type { Value } from '../graph/graph-builder.ts'
import type { Layers } from '../networks/layers.ts'
import type { Network } from '../networks/network.ts'

/** Logits of a network that shares nothing, f32 [B, classes]. */
export function captureWhole(layers: Layers, network: Network, images: Value, classes: number): Value {
  return network.branch(layers, network.trunk(layers, images), classes)
}

/**
 * Logits of networks that share nothing but the images; what peer i owns has the prefix `peers.<i>.`. Their initial weights
 * differ, as each parameter draws from a stream of its own.
 */
export function capturePeers(layers: Layers, networks: readonly Network[], images: Value, classes: number): Value[] {
  return networks.map((network, peer) =>
    layers.scope(`peers.${peer}`, () => captureWhole(layers, network, images, classes)),
  )
}
