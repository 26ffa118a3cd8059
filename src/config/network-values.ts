/** Names of networks as values of settings. */
import { nearestNetwork, neighbours } from '../engine/networks/nearest-network.ts'
import { familyOf, NETWORK_EXAMPLES, NETWORK_FORMS } from '../engine/networks/registry.ts'
import { oneOf, orOwn, text, type Values } from './values.ts'

export const NETWORK: Values<string> = orOwn('network', {
  ...text(NETWORK_FORMS, (name) => familyOf(name) !== null),
  remedy(received) {
    const name = String(received)
    const nearest = neighbours(name)
    if (nearest !== null) {
      const other = nearest.forImageNet === null ? '' : `, or ${nearest.forImageNet}`
      return `Nearest: ${nearest.near.join(' and ')}${other}.`
    }
    const meant = nearestNetwork(name)
    return meant === null ? `Choose one of these, such as ${NETWORK_EXAMPLES}.` : `Did you mean ${meant}?`
  },
})

/** Residual block of a CIFAR ResNet; `auto` = basic below depth 44, bottleneck from 44 on (the paper's networks). */
export const BLOCK = oneOf(['auto', 'basic', 'bottleneck'])
