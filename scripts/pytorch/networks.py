"""Every network of native-ensemble in PyTorch, by the name that `native-ensemble train --network` takes.

Parameter names are those of native-ensemble's checkpoints, so weights travel both ways: the shared part has torchvision's
names, what a branch owns has the prefix `branches.<i>.`, the gate is `gate.fc.*` and `gate.bn.*`; a vanilla network has no
prefix and no gate.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from torch import nn

from branching import Branching
from cifar_resnets import cifar_resnet, cifar_resnext
from densenet import DenseNetBC
from imagenet_resnets import IMAGENET_RESNETS, imagenet_resnet
from mobilenet_v2 import mobilenet_v2
from vgg import vgg_bn
from wide_resnets import WideResNet

BLOCK_KINDS = ('basic', 'bottleneck')


def build_network(name: str, block: str, branches: int, classes: int) -> Branching:
    """`resnet-32` -> the network; block `auto` is what the paper uses: bottlenecks from depth 44 on."""
    network = build(name, block, branches, classes)
    initialise(network)
    return network


FAMILIES: dict[str, Callable[..., Branching]] = {
    # pattern of names: builder of (name, block, branches, classes, *numbers in the name; None for one left out)
    r'resnet-(\d+)': lambda _name, block, branches, classes, depth: cifar_resnet(depth, block, branches, classes),
    r'resnext-(\d+)-(\d+)x(\d+)d(?:-widen(\d+))?': lambda _name, _block, branches, classes, depth, groups, width, widen: (
        cifar_resnext(depth, groups, width, widen or 4, branches, classes)
    ),
    r'densenet-bc-(\d+)-(\d+)': lambda _name, _block, branches, classes, depth, growth: (
        DenseNetBC(depth, growth, branches, classes)
    ),
    r'wrn-(\d+)-(\d+)': lambda _name, _block, branches, classes, depth, widen: (
        WideResNet(depth, widen, branches, classes)
    ),
    r'vgg-(\d+)-bn': lambda _name, _block, branches, classes, depth: vgg_bn(depth, branches, classes),
    r'(?:imagenet-)?mobilenet-v2': lambda name, _block, branches, classes: (
        mobilenet_v2(name.startswith('imagenet'), branches, classes)
    ),
    '|'.join(IMAGENET_RESNETS): lambda name, _block, branches, classes: imagenet_resnet(name, branches, classes),
}


def build(name: str, block: str, branches: int, classes: int) -> Branching:
    for pattern, builder in FAMILIES.items():
        if match := re.fullmatch(pattern, name):
            numbers = [None if digits is None else int(digits) for digits in match.groups()]
            return builder(name, block, branches, classes, *numbers)
    raise ValueError(f'Expected a network that native-ensemble knows but received {name}')


def initialise(network: nn.Module) -> None:
    """Convolutions N(0, 2 / (k k out)) (He et al. 2015, fan out); batch norm 1 and 0; linear layers as their networks have them."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            fan_out = module.kernel_size[0] * module.kernel_size[1] * module.out_channels
            nn.init.normal_(module.weight, 0.0, math.sqrt(2.0 / fan_out))
