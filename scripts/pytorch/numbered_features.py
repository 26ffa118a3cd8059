"""Networks whose modules are numbered, `features.0`, `features.1`, ..., with a classifier on the mean of the last one's image."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from branching import Branching

Parts = tuple[nn.Sequential, nn.Module]
"""Features and classifier."""


class Branch(nn.Module):
    """The features from number `cut` on, under their numbers."""

    def __init__(self, cut: int, features: nn.Sequential, classifier: nn.Module) -> None:
        super().__init__()
        self.features, self.classifier = nn.Sequential(), classifier
        for number in range(cut, len(features)):
            self.features.add_module(f'{number}', features[number])

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x).mean((2, 3)))


class NumberedFeatures(Branching):
    """Cut before the feature with number `cut`, which gets `channels`; takes normalised pixels [batch, 3, h, w]."""

    def __init__(self, make_parts: Callable[[], Parts], cut: int, channels: int, branches: int) -> None:
        super().__init__()
        self.cut = cut
        self.features = make_parts()[0][:cut]
        self.add_branches(lambda: Branch(cut, *make_parts()), channels, branches)

    def shared(self, x: Tensor) -> Tensor:
        for number in range(self.cut):
            x = self.features[number](x)
        return x


def narrow_classifier(channels: int, classes: int) -> nn.Linear:
    """With torchvision's initial weights."""
    classifier = nn.Linear(channels, classes)
    nn.init.normal_(classifier.weight, 0.0, 0.01)
    nn.init.zeros_(classifier.bias)
    return classifier
