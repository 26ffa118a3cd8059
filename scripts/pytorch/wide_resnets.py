"""WRN-d-k for 32x32 images, alone or with ONE's branches of the last stage; names as in xternalz/WideResNet-pytorch.

Zagoruyko and Komodakis, "Wide Residual Networks", BMVC 2016; no dropout.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from branching import Branching
from residual_blocks import conv, stage


class PreActivationBlock(nn.Module):
    """[batch, inputs, h, w] -> [batch, width, h / stride, w / stride]."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.bn1, self.conv1 = nn.BatchNorm2d(inputs), conv(inputs, width, 3, stride)
        self.bn2, self.conv2 = nn.BatchNorm2d(width), conv(width, width, 3)
        self.convShortcut = None if inputs == width else conv(inputs, width, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        activation = F.relu(self.bn1(x))
        y = self.conv2(F.relu(self.bn2(self.conv1(activation))))
        return y + (x if self.convShortcut is None else self.convShortcut(activation))


class Stage(nn.Module):
    def __init__(self, blocks: int, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.layer = stage(lambda *shape: PreActivationBlock(shape[0], width, shape[1]), blocks, inputs, width, stride)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)


class Branch(nn.Module):
    """The last stage with its norm and the classifier, what ONE copies for each branch."""

    def __init__(self, block3: Stage, channels: int, classes: int) -> None:
        super().__init__()
        self.block3, self.bn1, self.fc = block3, nn.BatchNorm2d(channels), nn.Linear(channels, classes)
        nn.init.zeros_(self.fc.bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(F.relu(self.bn1(self.block3(x))).mean((2, 3)))


class WideResNet(Branching):
    """Depth 6n + 4, n blocks in each of three stages; takes normalised pixels [batch, 3, height, width]."""

    def __init__(self, depth: int, widen: int, branches: int, classes: int) -> None:
        super().__init__()
        if depth <= 4 or (depth - 4) % 6 != 0:
            raise ValueError(f'Expected a depth of 6n + 4 but received {depth}')
        blocks, first, second, third = (depth - 4) // 6, 16 * widen, 32 * widen, 64 * widen
        self.conv1 = conv(3, 16, 3)
        self.block1, self.block2 = Stage(blocks, 16, first, 1), Stage(blocks, first, second, 2)
        self.add_branches(lambda: Branch(Stage(blocks, second, third, 2), third, classes), second, branches)

    def shared(self, x: Tensor) -> Tensor:
        return self.block2(self.block1(self.conv1(x)))
