"""torchvision's own networks, alone or with ONE's branches: what our files of them must agree with. Needs torchvision."""

from __future__ import annotations

from torch import Tensor, nn

from branching import Branching
from mobilenet_v2 import CIFAR_STAGES, CUT, CUT_CHANNELS
from numbered_features import NumberedFeatures, Parts
from vgg import vgg_cut

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


def torchvision_network(name: str, branches: int, classes: int) -> Branching:
    if name in TORCHVISION_NAMES:
        return TorchvisionResNet(name, branches, classes)
    if name == 'vgg-16-bn':
        return NumberedFeatures(lambda: vgg_parts(classes), vgg_cut(16), 512, branches)
    for_imagenet = {'imagenet-mobilenet-v2': True, 'mobilenet-v2': False}[name]
    return NumberedFeatures(lambda: mobilenet_parts(for_imagenet, classes), CUT, CUT_CHANNELS, branches)


def vgg_parts(classes: int) -> Parts:
    """The features of `vgg16_bn`; a batch norm subtracts what bias its convolution has."""
    from torchvision import models

    features = models.vgg16_bn().features
    for module in features:
        if isinstance(module, nn.Conv2d):
            module.register_parameter('bias', None)
    return features, nn.Linear(512, classes)


def mobilenet_parts(for_imagenet: bool, classes: int) -> Parts:
    """For images of 32x32 the stem and the stage of 24 channels have stride 1."""
    from torchvision import models

    settings = None if for_imagenet else [list(stage) for stage in CIFAR_STAGES]
    whole = models.mobilenet_v2(num_classes=classes, dropout=0.0, inverted_residual_setting=settings)
    if not for_imagenet:
        whole.features[0][0].stride = (1, 1)
    return whole.features, whole.classifier
