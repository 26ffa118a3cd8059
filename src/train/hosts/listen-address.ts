import { lookup } from 'node:dns/promises'
import { networkInterfaces } from 'node:os'
import { isLoopback } from './cluster-key.ts'

/**
 * The address of this machine that a name stands for: the one interface to listen at. null = none can be told, so all: the name
 * is that of a router or service before this machine, or its own name for itself, which others resolve otherwise.
 */
export async function listenAddress(host: string): Promise<string | null> {
  const found = await lookup(host, { all: true }).catch(() => [])
  const own = new Set(Object.values(networkInterfaces()).flatMap((addresses) => addresses?.map((one) => one.address)))
  const here = found.map(({ address }) => address).filter((address) => own.has(address) || isLoopback(address))
  return here.find((address) => isLoopback(host) || !isLoopback(address)) ?? null
}

/** An IPv4 address on a socket of both kinds has a prefix. */
export function plainAddress(address: string | undefined): string {
  return (address ?? '').replace(/^::ffff:/, '')
}

/** The one address at which all of these connections came in, '' = all interfaces. */
export function commonAddress(addresses: readonly string[]): string {
  const [first = ''] = addresses
  // An address of one link means nothing without the link.
  return addresses.every((address) => address === first) && !first.startsWith('fe80:') ? first : ''
}
