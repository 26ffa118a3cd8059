import type { HostMeshLink } from '../../engine/executors/cpu/host-mesh.ts'
import type { StoreAddress } from '../../engine/executors/xla/pjrt-addon.ts'

/** Which part of each batch is this host's. */
export interface HostShare {
  readonly hosts: number
  readonly rank: number
}

export const ALONE: HostShare = { hosts: 1, rank: 0 }

/** This process among its hosts, as its executor and its input need it: plain data. */
export interface HostLinks extends HostShare {
  /** Connections over which the executor cpu sums gradients; null for others. */
  readonly mesh: HostMeshLink | null
  /** Where the clients of PJRT plugins find each other; null for other executors. */
  readonly store: StoreAddress | null
}
