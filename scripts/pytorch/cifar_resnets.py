"""ResNet-(6n+2) and ResNeXt-(9n+2) for 32x32 images, alone or with ONE's branches of their last stage."""

from __future__ import annotations

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn

from branching import Branching
from residual_blocks import BasicBlock, Bottleneck, conv, stage

MakeStage = Callable[[int], nn.Sequential]
"""Stage 0, 1 or 2."""


class Branch(nn.Module):
    """The last stage with its classifier, what ONE copies for each branch."""

    def __init__(self, layer3: nn.Sequential, channels: int, classes: int) -> None:
        super().__init__()
        self.layer3, self.fc = layer3, nn.Linear(channels, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.layer3(x).mean((2, 3)))


class ThreeStages(Branching):
    """Takes normalised pixels [batch, 3, height, width]. `widths`: channels out of the stem and of the three stages."""

    def __init__(self, make_stage: MakeStage, widths: tuple[int, int, int, int], branches: int, classes: int) -> None:
        super().__init__()
        stem, _, second, third = widths
        self.conv1, self.bn1 = conv(3, stem, 3), nn.BatchNorm2d(stem)
        self.layer1, self.layer2 = make_stage(0), make_stage(1)
        self.add_branches(lambda: Branch(make_stage(2), third, classes), second, branches)

    def shared(self, x: Tensor) -> Tensor:
        return self.layer2(self.layer1(F.relu(self.bn1(self.conv1(x)))))


def cifar_resnet(depth: int, block: str, branches: int, classes: int) -> ThreeStages:
    """block `auto`: bottlenecks from depth 44 on."""
    blocks = blocks_per_stage(depth, 6)
    inner = (16, 32, 64)
    block = ('basic' if depth < 44 else 'bottleneck') if block == 'auto' else block
    expansion = {'basic': 1, 'bottleneck': 4}[block]
    widths = (16, *(width * expansion for width in inner))

    def make_block(index: int) -> Callable[[int, int], nn.Module]:
        if block == 'basic':
            return lambda inputs, stride: BasicBlock(inputs, inner[index], stride)
        return lambda inputs, stride: Bottleneck(inputs, inner[index], widths[index + 1], stride)

    def make_stage(index: int) -> nn.Sequential:
        return stage(make_block(index), blocks, widths[index], widths[index + 1], 1 if index == 0 else 2)

    return ThreeStages(make_stage, widths, branches, classes)


def cifar_resnext(
    depth: int, cardinality: int, base_width: int, widen: int, branches: int, classes: int
) -> ThreeStages:
    """Xie et al. 2017, section 5.3; ResNeXt-29 8x64d is 29, 8, 64, 4."""
    blocks = blocks_per_stage(depth, 9)
    widths = (64, 64 * widen, 128 * widen, 256 * widen)

    def make_stage(index: int) -> nn.Sequential:
        inner = cardinality * base_width * 2**index
        return stage(
            lambda inputs, stride: Bottleneck(inputs, inner, widths[index + 1], stride, cardinality),
            blocks,
            widths[index],
            widths[index + 1],
            1 if index == 0 else 2,
        )

    return ThreeStages(make_stage, widths, branches, classes)


def blocks_per_stage(depth: int, layers: int) -> int:
    """n of depth = `layers` n + 2."""
    if depth <= 2 or (depth - 2) % layers != 0:
        raise ValueError(f'Expected a depth of {layers}n + 2 but received {depth}')
    return (depth - 2) // layers
