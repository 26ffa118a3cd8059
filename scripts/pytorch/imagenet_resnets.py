"""ResNets and ResNeXts for ImageNet's images, alone or with ONE's branches of their last stage.

He et al. 2016, Xie et al. 2017; the stride of a bottleneck is in its 3x3 convolution, as in torchvision.
"""

from __future__ import annotations

from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from branching import Branching
from residual_blocks import BasicBlock, Bottleneck, stage

WIDTHS = (64, 128, 256, 512)
"""Of the four stages' 3x3 convolutions."""


class Design(NamedTuple):
    blocks: tuple[int, int, int, int]
    """In each stage."""
    expansion: int
    """Channels out of a block over its width; 1 = basic blocks."""
    groups: int = 1
    inner: int = 1
    """Channels of a bottleneck's 3x3 convolution over its width."""


IMAGENET_RESNETS = {
    'imagenet-resnet-18': Design((2, 2, 2, 2), 1),
    'imagenet-resnet-34': Design((3, 4, 6, 3), 1),
    'imagenet-resnet-50': Design((3, 4, 6, 3), 4),
    'imagenet-resnext-50-32x4d': Design((3, 4, 6, 3), 4, groups=32, inner=2),
}


class Branch(nn.Module):
    """The last stage with its classifier, what ONE copies for each branch."""

    def __init__(self, layer4: nn.Sequential, channels: int, classes: int) -> None:
        super().__init__()
        self.layer4, self.fc = layer4, nn.Linear(channels, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.layer4(x).mean((2, 3)))


class ImageNetResNet(Branching):
    """Takes normalised pixels [batch, 3, height, width]."""

    def __init__(self, design: Design, branches: int, classes: int) -> None:
        super().__init__()
        stem = WIDTHS[0]
        outputs = [width * design.expansion for width in WIDTHS]
        self.conv1, self.bn1 = nn.Conv2d(3, stem, 7, 2, padding=3, bias=False), nn.BatchNorm2d(stem)
        self.maxpool = nn.MaxPool2d(3, 2, padding=1)
        self.layer1 = make_stage(design, 0, stem)
        self.layer2 = make_stage(design, 1, outputs[0])
        self.layer3 = make_stage(design, 2, outputs[1])
        self.add_branches(
            lambda: Branch(make_stage(design, 3, outputs[2]), outputs[3], classes), outputs[2], branches
        )

    def shared(self, x: Tensor) -> Tensor:
        x = self.maxpool(F.relu(self.bn1(self.conv1(x))))
        return self.layer3(self.layer2(self.layer1(x)))


def imagenet_resnet(name: str, branches: int, classes: int) -> ImageNetResNet:
    return ImageNetResNet(IMAGENET_RESNETS[name], branches, classes)


def make_stage(design: Design, index: int, inputs: int) -> nn.Sequential:
    width, stride = WIDTHS[index], 1 if index == 0 else 2

    def make_block(channels: int, block_stride: int) -> nn.Module:
        if design.expansion == 1:
            return BasicBlock(channels, width, block_stride)
        outputs = width * design.expansion
        return Bottleneck(channels, width * design.inner, outputs, block_stride, design.groups)

    return stage(make_block, design.blocks[index], inputs, width * design.expansion, stride)
