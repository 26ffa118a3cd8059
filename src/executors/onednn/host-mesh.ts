import { UserFault } from '../../vocabulary/fault.ts'
import { loadNativeAddon, type NativeHostMesh } from './native-addon.ts'

/** The links to the other hosts as a replica's thread joins them: plain data. */
export interface HostMeshLink {
  readonly hosts: number
  readonly handle: bigint
}

export interface HostAddress {
  readonly host: string
  readonly port: number
}

/** Connections between all hosts of a run, over which gradients are summed. Lives in the main thread as long as any run. */
export class HostMesh {
  readonly link: HostMeshLink
  readonly port: number
  readonly #native: NativeHostMesh

  /**
   * Listens on a free port.
   * @param patience milliseconds that it waits for another host
   * @throws UserFault where no port can be opened, or the addon is missing
   */
  constructor(rank: number, hosts: number, patience: number) {
    const { HostMesh } = loadNativeAddon()
    this.#native = orHostFault(() => new HostMesh(rank, hosts, patience))
    this.port = this.#native.port()
    this.link = { hosts, handle: this.#native.handle() }
  }

  /**
   * Blocks until all are connected.
   * @param addresses by rank @param token 64 bits in hexadecimal that only the hosts of this run know
   * @throws UserFault where one does not come
   */
  connect(addresses: readonly HostAddress[], token: string): void {
    orHostFault(() => this.#native.connect(addresses, BigInt(`0x${token}`)))
  }
}

/** What the addon tells of another host is no fault of ours. */
export function orHostFault<T>(work: () => T): T {
  try {
    return work()
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'ERR_HOST')) throw cause
    throw new UserFault(
      `${cause.message}.`,
      'Its own output says more. The last checkpoint is intact: native-ensemble resume goes on from it.',
      { cause },
    )
  }
}
