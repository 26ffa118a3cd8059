/** Names of networks as values of settings. */
import { nearestNetwork } from '../vocabulary/nearest-network.ts'
import { NETWORK_NAMES, parseNetworkName } from '../vocabulary/network-name.ts'
import { oneOf, text, type Values } from './values.ts'

export const NETWORK: Values<string> = {
  ...text(NETWORK_NAMES, (name) => parseNetworkName(name) !== null),
  remedy(received) {
    const depth = Number(/^resnet-(\d+)$/.exec(String(received))?.[1])
    if (!Number.isNaN(depth)) return nearestDepths(depth)
    const meant = nearestNetwork(String(received))
    if (meant !== null) return `Did you mean ${meant}?`
    return 'Choose one of these, such as resnet-32, resnext-29-8x64d, densenet-bc-100-12 or imagenet-resnet-18.'
  },
}

/** Residual block of a CIFAR ResNet; `auto` = basic below depth 44, bottleneck from 44 on (the paper's networks). */
export const BLOCK = oneOf(['auto', 'basic', 'bottleneck'])

/** Of CIFAR's ResNets, and the ImageNet one of this depth where there is one. */
function nearestDepths(depth: number): string {
  const below = Math.max(1, Math.floor((depth - 2) / 6)) * 6 + 2
  const other = parseNetworkName(`imagenet-resnet-${depth}`) === null ? '' : `, or imagenet-resnet-${depth}`
  return `Nearest depths: resnet-${below} and resnet-${below + 6}${other}.`
}
