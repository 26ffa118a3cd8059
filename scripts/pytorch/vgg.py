"""VGG with batch norm for 32x32 images: torchvision's features without biases of convolutions, and one linear layer.

Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", ICLR 2015.
"""

from __future__ import annotations

from torch import nn

from numbered_features import NumberedFeatures, Parts, narrow_classifier
from residual_blocks import conv

WIDTHS = (64, 128, 256, 512, 512)
CONVOLUTIONS = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
"""Of each stage."""


def vgg_bn(depth: int, branches: int, classes: int) -> NumberedFeatures:
    return NumberedFeatures(lambda: vgg_parts(depth, classes), vgg_cut(depth), WIDTHS[-2], branches)


def vgg_cut(depth: int) -> int:
    """Number of the last stage's first module: a convolution is three, a pool one."""
    return sum(3 * count + 1 for count in CONVOLUTIONS[depth][:-1])


def vgg_parts(depth: int, classes: int) -> Parts:
    modules: list[nn.Module] = []
    inputs = 3
    for width, count in zip(WIDTHS, CONVOLUTIONS[depth]):
        for _ in range(count):
            modules += [conv(inputs, width, 3), nn.BatchNorm2d(width), nn.ReLU()]
            inputs = width
        modules.append(nn.MaxPool2d(2, 2))
    return nn.Sequential(*modules), narrow_classifier(inputs, classes)
