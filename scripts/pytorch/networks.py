"""Every network of native-ensemble in PyTorch, by the name that `native-ensemble train --network` takes.

Parameter names are those of native-ensemble's checkpoints, so weights travel both ways: the shared part has torchvision's
names, what a branch owns has the prefix `branches.<i>.`, the gate is `gate.fc.*` and `gate.bn.*`; a vanilla network has no
prefix and no gate.
"""

from __future__ import annotations

import math
import re

from torch import nn

from branching import Branching
from cifar_resnets import cifar_resnet, cifar_resnext
from densenet import DenseNetBC
from imagenet_resnets import IMAGENET_RESNETS, imagenet_resnet

BLOCK_KINDS = ('basic', 'bottleneck')


def build_network(name: str, block: str, branches: int, classes: int) -> Branching:
    """`resnet-32` -> the network; block `auto` is what the paper uses: bottlenecks from depth 44 on."""
    network = build(name, block, branches, classes)
    initialise(network)
    return network


def build(name: str, block: str, branches: int, classes: int) -> Branching:
    if match := re.fullmatch(r'resnet-(\d+)', name):
        depth = int(match[1])
        kind = ('basic' if depth < 44 else 'bottleneck') if block == 'auto' else block
        return cifar_resnet(depth, kind, branches, classes)
    if match := re.fullmatch(r'resnext-(\d+)-(\d+)x(\d+)d(?:-widen(\d+))?', name):
        depth, cardinality, base_width, widen = (int(group or 4) for group in match.groups())
        return cifar_resnext(depth, cardinality, base_width, widen, branches, classes)
    if match := re.fullmatch(r'densenet-bc-(\d+)-(\d+)', name):
        return DenseNetBC(int(match[1]), int(match[2]), branches, classes)
    if name in IMAGENET_RESNETS:
        return imagenet_resnet(name, branches, classes)
    raise ValueError(f'Expected a network that native-ensemble knows but received {name}')


def initialise(network: nn.Module) -> None:
    """Convolutions N(0, 2 / (k k out)) (He et al. 2015, fan out); batch norm 1 and 0; linear as PyTorch's default."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            fan_out = module.kernel_size[0] * module.kernel_size[1] * module.out_channels
            nn.init.normal_(module.weight, 0.0, math.sqrt(2.0 / fan_out))
