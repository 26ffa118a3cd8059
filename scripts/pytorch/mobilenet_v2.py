"""MobileNetV2 for ImageNet's images and for 32x32 ones, with torchvision's names and without its dropout.

Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", CVPR 2018.
"""

from __future__ import annotations

from torch import Tensor, nn

from numbered_features import NumberedFeatures, Parts, narrow_classifier
from residual_blocks import conv

STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
"""Expansion, channels, blocks, stride of the first block."""
CIFAR_STAGES = ((1, 16, 1, 1), (6, 24, 2, 1), *STAGES[2:])
CUT, CUT_CHANNELS = 14, 96
"""Of ONE: the first block of 160 channels, which gets 96."""


def mobilenet_v2(for_imagenet: bool, branches: int, classes: int) -> NumberedFeatures:
    return NumberedFeatures(lambda: mobilenet_parts(for_imagenet, classes), CUT, CUT_CHANNELS, branches)


def mobilenet_parts(for_imagenet: bool, classes: int) -> Parts:
    modules: list[nn.Module] = [conv_norm_relu6(3, 32, 3, stride=2 if for_imagenet else 1)]
    inputs = 32
    for expansion, width, blocks, stride in STAGES if for_imagenet else CIFAR_STAGES:
        for block in range(blocks):
            modules.append(InvertedResidual(inputs, width, stride if block == 0 else 1, expansion))
            inputs = width
    modules.append(conv_norm_relu6(inputs, 1280, 1))
    return nn.Sequential(*modules), nn.Sequential(nn.Identity(), narrow_classifier(1280, classes))


def conv_norm_relu6(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    return nn.Sequential(conv(inputs, outputs, kernel, stride, groups), nn.BatchNorm2d(outputs), nn.ReLU6())


class InvertedResidual(nn.Module):
    """[batch, inputs, h, w] -> [batch, outputs, h / stride, w / stride]."""

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = inputs * expansion
        self.adds_input = stride == 1 and inputs == outputs
        self.conv = nn.Sequential(
            *([] if expansion == 1 else [conv_norm_relu6(inputs, inner, 1)]),
            conv_norm_relu6(inner, inner, 3, stride, groups=inner),
            conv(inner, outputs, 1),
            nn.BatchNorm2d(outputs),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x) if self.adds_input else self.conv(x)
