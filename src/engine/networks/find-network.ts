import { expected } from '../../vocabulary/fault.ts'
import type { Network } from './network.ts'
import type { Block } from './network-family.ts'
import { findOwnNetwork } from './own-networks.ts'
import { BLOCK_FORMS, familyOf, NETWORK_EXAMPLES, NETWORK_FORMS } from './registry.ts'

/**
 * The network of a user's name.
 * @param block of a network that leaves a choice; the others have their papers' own and take `auto`
 * @throws UserFault listing what there is, or for a network of the user's that is not there
 */
export function findNetwork(name: string, block: Block): Network {
  const named = findOwnNetwork(name)
  const family = named === null ? familyOf(name) : null
  if (block !== 'auto' && (named !== null || (family !== null && family.leavesBlock !== true))) {
    throw expected('auto', `the block of ${name}`, block, `Only ${BLOCK_FORMS} leaves a choice of blocks.`)
  }
  const network = named ?? family?.find(name, block) ?? null
  if (network === null) throw expected(NETWORK_FORMS, 'the network', name, `Choose ${NETWORK_EXAMPLES}, say.`)
  return network
}
