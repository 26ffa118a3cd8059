import { expected } from '../../vocabulary/fault.ts'
import { NETWORK_NAMES, parseNetworkName } from '../../vocabulary/network-name.ts'
import { type BlockKind, cifarResNet } from './cifar-resnet.ts'
import { cifarResNext } from './cifar-resnext.ts'
import { denseNetBc } from './densenet.ts'
import { imageNetResNet } from './imagenet-resnet.ts'
import type { Network } from './network.ts'

/** Channels of a bottleneck's 3x3 convolution in the first stage of an ImageNet ResNet, in one group. */
const RESNET_WIDTH = 64

/**
 * The network of a user's name.
 * @param block of a CIFAR ResNet; the others have their papers' own and take `auto`
 * @throws UserFault listing what there is
 */
export function findNetwork(name: string, block: BlockKind | 'auto'): Network {
  const sizes = parseNetworkName(name)
  if (sizes === null) {
    throw expected(NETWORK_NAMES, 'the network', name, 'Choose resnet-32, densenet-bc-100-12 or resnext-29-8x64d, say.')
  }
  if (block !== 'auto' && sizes.family !== 'cifar-resnet') {
    throw expected('auto', `the block of ${name}`, block, 'Only the CIFAR networks resnet-<6n+2> leave a choice.')
  }
  switch (sizes.family) {
    case 'cifar-resnet':
      return cifarResNet(sizes.depth, block)
    case 'cifar-resnext':
      return cifarResNext(name, sizes)
    case 'densenet-bc':
      return denseNetBc(name, sizes)
    case 'imagenet-resnet':
      return imageNetResNet(name, { ...sizes, cardinality: 1, baseWidth: RESNET_WIDTH })
    case 'imagenet-resnext':
      return imageNetResNet(name, sizes)
  }
}
