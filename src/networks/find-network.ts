import { expected } from '../vocabulary/fault.ts'
import { type BlockKind, cifarResNet } from './cifar-resnet.ts'
import type { Network } from './network.ts'

/** The network of a user's name. @throws UserFault listing what there is */
export function findNetwork(name: string, block: BlockKind | 'auto'): Network {
  const match = /^resnet-(\d+)$/.exec(name)
  if (match !== null) return cifarResNet(Number(match[1]), block)
  throw expected(
    'resnet-<6n+2>',
    'the network',
    name,
    'Choose a CIFAR ResNet such as resnet-20, resnet-32 or resnet-110.',
  )
}
