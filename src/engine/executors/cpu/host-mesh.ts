import { UserFault } from '../../../vocabulary/fault.ts'
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
   * @param address of the interface that the others come to, '' = all
   * @throws UserFault where no port can be opened, or the addon is missing
   */
  constructor(rank: number, hosts: number, patience: number, address: string) {
    const { HostMesh } = loadNativeAddon()
    this.#native = orHostFault(() => new HostMesh(rank, hosts, patience, address))
    this.port = this.#native.port()
    this.link = { hosts, handle: this.#native.handle() }
  }

  /**
   * Connects all hosts.
   * @param addresses by rank @param key that the hosts of this run prove to each other
   * @throws UserFault where one does not come
   */
  async connect(addresses: readonly HostAddress[], key: Uint8Array): Promise<void> {
    try {
      await this.#native.connect(addresses, key)
    } catch (error) {
      orHostFault(() => {
        throw error
      })
    }
  }

  /** Ends a wait for hosts that do not come. */
  giveUp(): void {
    this.#native.giveUp()
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
