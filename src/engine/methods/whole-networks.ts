import type { Value } from '../graph/graph-builder.ts'
import type { Layers } from '../networks/layers.ts'
import type { Network } from '../networks/network.ts'
import type { Method } from './method.ts'
import type { Members } from './method-definition.ts'

/** First part of the names of what peers own. */
const PEERS_SCOPE = 'peers'

/** What is said of whole networks that train side by side. @param member what one of them is called */
export const wholeNetworkMembers = (member: 'peer' | 'network'): Members => ({
  scope: PEERS_SCOPE,
  names: () => ({ member, mean: `mean of the ${member}s`, ensemble: 'ensemble' }),
  deployed: 'one network',
  trained: 'all networks',
})

/** For methods that train a single plain network. */
export const ONE_PLAIN_NETWORK: Members = {
  scope: null,
  // Nothing counts several of them; runs of KD and vanilla are read of beside those of ONE.
  names: () => ({ member: 'branch', mean: 'mean of the branches', ensemble: 'gated teacher (ONE-E)' }),
  deployed: 'one network',
  trained: null,
}

/** Logits of a network that shares nothing, f32 [B, classes]. */
export function captureWhole(layers: Layers, network: Network, images: Value, classes: number): Value {
  return network.branch(layers, network.trunk(layers, images), classes)
}

/** One of several views of each image. @param images [B, views x C, H, W] -> [B, C, H, W] */
export function viewOf(layers: Layers, images: Value, view: number, views: number): Value {
  const channels = (images.shape[1] ?? 0) / views
  return layers.graph.applyOne('SliceChannels', [images], { start: view * channels, channels }, `view ${view}`)
}

/**
 * Logits of networks that share nothing but the images; what peer i owns has the prefix `peers.<i>.`. Their initial weights
 * differ, as each parameter draws from a stream of its own.
 * @param images the same for all, or those of each; asked for within the peer's scope
 */
export function capturePeers(
  layers: Layers,
  networks: readonly Network[],
  images: Value | ((peer: number) => Value),
  classes: number,
): Value[] {
  return networks.map((network, peer) =>
    layers.scope(`${PEERS_SCOPE}.${peer}`, () =>
      captureWhole(layers, network, typeof images === 'function' ? images(peer) : images, classes),
    ),
  )
}

/** What methods capture whose peers teach each other and have no teacher in common. @throws RangeError for fewer than 2 peers */
export function captureOfPeers(peers: readonly Network[]): Method['capture'] {
  if (peers.length < 2) throw new RangeError(`Expected at least 2 peers but received ${peers.length}`)
  return (layers, _target, images, classes) => ({
    branches: capturePeers(layers, peers, images, classes),
    teacher: null,
  })
}
