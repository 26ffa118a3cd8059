"""CIFAR ResNets in PyTorch, alone or with the branches and the gate of On-the-fly Native Ensemble (ONE).

Lan, Zhu and Gong, "Knowledge Distillation by On-the-Fly Native Ensemble", NeurIPS 2018. Parameter names are those of
native-ensemble's checkpoints, so weights travel both ways: the shared part has torchvision's names, what a branch owns
has the prefix `branches.<i>.`, the gate is `gate.fc.*` and `gate.bn.*`; a vanilla network has no prefix and no gate.
"""

from __future__ import annotations

import math
import re
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

STAGE_WIDTHS = (16, 32, 64)
BLOCK_KINDS = ('basic', 'bottleneck')


class Outputs(NamedTuple):
    """What a network says of a batch."""

    branches: list[Tensor]
    """Logits of each branch, each [batch, classes]; one entry for a vanilla network."""
    teacher: Tensor | None
    """Gated sum of the branches' logits, [batch, classes]; None for a vanilla network."""
    gate: Tensor | None
    """Probability of each branch, [batch, branches]; None for a vanilla network."""


def conv(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, stride, padding=(kernel - 1) // 2, bias=False)


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

    expansion = 1

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
    """1x1, 3x3 (it has the stride, as in torchvision), 1x1; -> [batch, 4 width, h / stride, w / stride]."""

    expansion = 4

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv(inputs, width, 1), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = conv(width, width, 3, stride), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = conv(width, 4 * width, 1), nn.BatchNorm2d(4 * width)
        self.make_shortcut(inputs, 4 * width, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return F.relu(y + self.shortcut(x))


BlockType = type[BasicBlock] | type[Bottleneck]


def stage(block: BlockType, blocks: int, inputs: int, width: int, stride: int) -> nn.Sequential:
    outputs = width * block.expansion
    first = block(inputs, width, stride)
    return nn.Sequential(first, *(block(outputs, width, 1) for _ in range(blocks - 1)))


class Branch(nn.Module):
    """The last stage with its classifier, what ONE copies for each branch."""

    def __init__(self, block: BlockType, blocks: int, inputs: int, classes: int) -> None:
        super().__init__()
        self.layer3 = stage(block, blocks, inputs, STAGE_WIDTHS[2], 2)
        self.fc = nn.Linear(STAGE_WIDTHS[2] * block.expansion, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.layer3(x).mean((2, 3)))


class Gate(nn.Module):
    """Pool -> linear -> batch norm -> ReLU -> softmax: [batch, channels, h, w] -> [batch, branches] probabilities."""

    def __init__(self, channels: int, branches: int) -> None:
        super().__init__()
        self.fc, self.bn = nn.Linear(channels, branches), nn.BatchNorm1d(branches)

    def forward(self, x: Tensor) -> Tensor:
        return F.softmax(F.relu(self.bn(self.fc(x.mean((2, 3))))), dim=1)


class CifarResNet(nn.Module):
    """ResNet-(6n+2) for 32x32 images, n blocks a stage; with `branches` >= 2 the last stage is there that many times.

    Takes normalised pixels [batch, 3, height, width].
    """

    def __init__(self, depth: int, block: str, branches: int, classes: int) -> None:
        super().__init__()
        blocks = blocks_per_stage(depth)
        kind: BlockType = {'basic': BasicBlock, 'bottleneck': Bottleneck}[block]
        first, second, _ = STAGE_WIDTHS
        shared_channels = second * kind.expansion
        self.conv1, self.bn1 = conv(3, first, 3), nn.BatchNorm2d(first)
        self.layer1 = stage(kind, blocks, first, first, 1)
        self.layer2 = stage(kind, blocks, first * kind.expansion, second, 2)
        self.branch_count = branches
        if branches == 1:
            whole = Branch(kind, blocks, shared_channels, classes)
            self.layer3, self.fc = whole.layer3, whole.fc
        else:
            self.branches = nn.ModuleList(Branch(kind, blocks, shared_channels, classes) for _ in range(branches))
            self.gate = Gate(shared_channels, branches)
        initialise(self)

    def forward(self, x: Tensor) -> Outputs:
        shared = self.layer2(self.layer1(F.relu(self.bn1(self.conv1(x)))))
        if self.branch_count == 1:
            return Outputs([self.fc(self.layer3(shared).mean((2, 3)))], None, None)
        gate = self.gate(shared)
        logits = [branch(shared) for branch in self.branches]
        teacher = (gate.unsqueeze(2) * torch.stack(logits, 1)).sum(1)
        return Outputs(logits, teacher, gate)


def blocks_per_stage(depth: int) -> int:
    """n of ResNet-(6n+2)."""
    if depth < 8 or (depth - 2) % 6 != 0:
        raise ValueError(f'Expected a depth of 6n + 2 (8, 14, 20, 32, 110, ...) but received {depth}')
    return (depth - 2) // 6


def build_network(name: str, block: str, branches: int, classes: int) -> CifarResNet:
    """`resnet-32` -> the network; block `auto` is what the paper uses: bottlenecks from depth 44 on."""
    match = re.fullmatch(r'resnet-(\d+)', name)
    if match is None:
        raise ValueError(f'Expected resnet-<6n+2> for the network but received {name}')
    depth = int(match.group(1))
    kind = ('basic' if depth < 44 else 'bottleneck') if block == 'auto' else block
    return CifarResNet(depth, kind, branches, classes)


def initialise(network: nn.Module) -> None:
    """Convolutions N(0, 2 / (k k out)) (He et al. 2015, fan out); batch norm 1 and 0; linear as PyTorch's default."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            fan_out = module.kernel_size[0] * module.kernel_size[1] * module.out_channels
            nn.init.normal_(module.weight, 0.0, math.sqrt(2.0 / fan_out))
