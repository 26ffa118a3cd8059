"""torchvision's own ResNets and ResNeXts, alone or with ONE's branches of their last stage: what imagenet_resnets.py must agree
with. Needs torchvision."""

from __future__ import annotations

from torch import Tensor, nn

from branching import Branching

TORCHVISION_NAMES = {
    'imagenet-resnet-18': 'resnet18',
    'imagenet-resnet-34': 'resnet34',
    'imagenet-resnet-50': 'resnet50',
    'imagenet-resnext-50-32x4d': 'resnext50_32x4d',
}


class Branch(nn.Module):
    def __init__(self, whole: nn.Module) -> None:
        super().__init__()
        self.layer4, self.fc = whole.layer4, whole.fc

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.layer4(x).mean((2, 3)))


class TorchvisionResNet(Branching):
    def __init__(self, name: str, branches: int, classes: int) -> None:
        super().__init__()
        from torchvision import models

        def build() -> nn.Module:
            return getattr(models, TORCHVISION_NAMES[name])(num_classes=classes)

        whole = build()
        self.conv1, self.bn1, self.relu, self.maxpool = whole.conv1, whole.bn1, whole.relu, whole.maxpool
        self.layer1, self.layer2, self.layer3 = whole.layer1, whole.layer2, whole.layer3
        channels = whole.fc.in_features // 2
        self.add_branches(lambda: Branch(build()), channels, branches)

    def shared(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        return self.layer3(self.layer2(self.layer1(x)))
