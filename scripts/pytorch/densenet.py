"""DenseNet-BC for 32x32 images, alone or with ONE's branches of its last dense block.

Huang et al., "Densely Connected Convolutional Networks", CVPR 2017; names as in torchvision's `DenseNet`.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from branching import Branching


class DenseLayer(nn.Module):
    """[batch, inputs, h, w] -> the input with `growth` channels more."""

    def __init__(self, inputs: int, growth: int) -> None:
        super().__init__()
        self.norm1, self.conv1 = nn.BatchNorm2d(inputs), nn.Conv2d(inputs, 4 * growth, 1, bias=False)
        self.norm2, self.conv2 = nn.BatchNorm2d(4 * growth), nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv1(F.relu(self.norm1(x)))
        return torch.cat([x, self.conv2(F.relu(self.norm2(y)))], 1)


class Transition(nn.Module):
    """Half the channels, half the height and width."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.norm, self.conv = nn.BatchNorm2d(inputs), nn.Conv2d(inputs, inputs // 2, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.avg_pool2d(self.conv(F.relu(self.norm(x))), 2)


def dense_block(layers: int, inputs: int, growth: int) -> nn.Sequential:
    block = nn.Sequential()
    for index in range(layers):
        block.add_module(f'denselayer{index + 1}', DenseLayer(inputs + index * growth, growth))
    return block


class Branch(nn.Module):
    def __init__(self, layers: int, inputs: int, growth: int, classes: int) -> None:
        super().__init__()
        channels = inputs + layers * growth
        self.features = nn.Sequential()
        self.features.add_module('denseblock3', dense_block(layers, inputs, growth))
        self.features.add_module('norm5', nn.BatchNorm2d(channels))
        self.classifier = nn.Linear(channels, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(F.relu(self.features(x)).mean((2, 3)))


class DenseNetBC(Branching):
    """Depth 6n + 4, n layers in each of three blocks."""

    SHARED = ('conv0', 'denseblock1', 'transition1', 'denseblock2', 'transition2')

    def __init__(self, depth: int, growth: int, branches: int, classes: int) -> None:
        super().__init__()
        if depth <= 4 or (depth - 4) % 6 != 0:
            raise ValueError(f'Expected a depth of 6n + 4 but received {depth}')
        layers = (depth - 4) // 6
        channels = 2 * growth
        self.features = nn.Sequential()
        self.features.add_module('conv0', nn.Conv2d(3, channels, 3, padding=1, bias=False))
        for number in (1, 2):
            self.features.add_module(f'denseblock{number}', dense_block(layers, channels, growth))
            channels += layers * growth
            self.features.add_module(f'transition{number}', Transition(channels))
            channels //= 2
        self.add_branches(lambda: Branch(layers, channels, growth, classes), channels, branches)

    def shared(self, x: Tensor) -> Tensor:
        for name in self.SHARED:
            x = self.features.get_submodule(name)(x)
        return x
