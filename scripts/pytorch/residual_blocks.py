"""The blocks of ResNets and ResNeXts, under torchvision's names."""

from __future__ import annotations

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn


def conv(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, stride, padding=(kernel - 1) // 2, groups=groups, bias=False)


class Downsampled(nn.Module):
    """What both blocks share: the shortcut, a 1x1 convolution with batch norm where the shape changes."""

    downsample: nn.Sequential | None

    def make_shortcut(self, inputs: int, outputs: int, stride: int) -> None:
        changes = stride != 1 or inputs != outputs
        self.downsample = nn.Sequential(conv(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs)) if changes else None

    def shortcut(self, x: Tensor) -> Tensor:
        return x if self.downsample is None else self.downsample(x)


class BasicBlock(Downsampled):
    """Two 3x3 convolutions; [batch, inputs, h, w] -> [batch, width, h / stride, w / stride]."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv(inputs, width, 3, stride), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = conv(width, width, 3), nn.BatchNorm2d(width)
        self.make_shortcut(inputs, width, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return F.relu(y + self.shortcut(x))


class Bottleneck(Downsampled):
    """1x1, 3x3 (it has the stride, as in torchvision) and 1x1; -> [batch, outputs, h / stride, w / stride]."""

    def __init__(self, inputs: int, inner: int, outputs: int, stride: int, groups: int = 1) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv(inputs, inner, 1), nn.BatchNorm2d(inner)
        self.conv2, self.bn2 = conv(inner, inner, 3, stride, groups), nn.BatchNorm2d(inner)
        self.conv3, self.bn3 = conv(inner, outputs, 1), nn.BatchNorm2d(outputs)
        self.make_shortcut(inputs, outputs, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return F.relu(y + self.shortcut(x))


def stage(make_block: Callable[[int, int], nn.Module], blocks: int, inputs: int, outputs: int, stride: int):
    """`make_block(inputs, stride)`, `blocks` times: only the first sees other channels and the stage's stride."""
    return nn.Sequential(make_block(inputs, stride), *(make_block(outputs, 1) for _ in range(blocks - 1)))
