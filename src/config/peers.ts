import { familyOf } from '../engine/networks/registry.ts'

/** What `--peers` says: a number of copies of the network, or networks by name. */
export type Peers =
  | { readonly kind: 'copies'; readonly count: number }
  | { readonly kind: 'networks'; readonly names: readonly string[] }

/** More networks than anybody has trained at once: a slip of the finger is likelier. */
const MOST_PEERS = 99

/** `3`, or `resnet-32,resnet-110`; null for what is neither. */
export function parsePeers(text: string): Peers | null {
  if (/^\d+$/.test(text)) {
    const count = Number(text)
    return count >= 1 && count <= MOST_PEERS ? { kind: 'copies', count } : null
  }
  const names = text.split(',').map((name) => name.trim())
  if (names.length < 2 || names.some((name) => familyOf(name) === null)) return null
  return { kind: 'networks', names }
}

/** Names of the peers' networks, the first of them the target's. Empty for peers that cannot be. */
export function peerNetworks({ network, peers }: { readonly network: string; readonly peers: string }): string[] {
  const parsed = parsePeers(peers)
  if (parsed === null) return []
  return parsed.kind === 'networks' ? [...parsed.names] : Array.from({ length: parsed.count }, () => network)
}
