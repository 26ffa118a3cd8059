"""What On-the-fly Native Ensemble (ONE) adds to any classifier: copies of its last stage, and the gate over them.

Lan, Zhu and Gong, "Knowledge Distillation by On-the-Fly Native Ensemble", NeurIPS 2018.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Outputs(NamedTuple):
    """What a network says of a batch."""

    branches: list[Tensor]
    """Logits of each branch, each [batch, classes]; one entry for a vanilla network."""
    teacher: Tensor | None
    """Gated sum of the branches' logits, [batch, classes]; None for a vanilla network."""
    gate: Tensor | None
    """Probability of each branch, [batch, branches]; None for a vanilla network."""
    pretrained: Tensor | None = None
    """Logits of the frozen teacher of knowledge distillation, [batch, classes]; None elsewhere."""
    own_teachers: list[Tensor] | None = None
    """Logits that each branch is distilled from, where each has its own."""


class Gate(nn.Module):
    """Pool -> linear -> batch norm -> ReLU -> softmax: [batch, channels, h, w] -> [batch, branches] probabilities."""

    def __init__(self, channels: int, branches: int) -> None:
        super().__init__()
        self.fc, self.bn = nn.Linear(channels, branches), nn.BatchNorm1d(branches)

    def forward(self, x: Tensor) -> Tensor:
        return F.softmax(F.relu(self.bn(self.fc(x.mean((2, 3))))), dim=1)


class Branching(nn.Module):
    """A classifier cut in two. `shared` is for subclasses; what comes after it is there once or `branches` times.

    Names: a branch's own modules have the prefix `branches.<i>.`, the gate is `gate`; a lone branch has no prefix.
    """

    def add_branches(self, make_branch: Callable[[], nn.Module], channels: int, branches: int) -> None:
        """`channels`: of the shared features, which the gate pools."""
        if branches > 1:
            self.branches = nn.ModuleList(make_branch() for _ in range(branches))
            self.gate = Gate(channels, branches)
            return
        whole = make_branch()
        for name, module in whole.named_children():
            if name in self._modules:  # DenseNet's `features` begin in the shared part
                for own_name, own in module.named_children():
                    self.get_submodule(name).add_module(own_name, own)
            else:
                self.add_module(name, module)
        # In a tuple nn.Module does not see it: its modules have their names already.
        self.lone_branch = (whole,)

    def shared(self, x: Tensor) -> Tensor:
        raise NotImplementedError

    def forward(self, x: Tensor) -> Outputs:
        features = self.shared(x)
        if hasattr(self, 'lone_branch'):
            return Outputs([self.lone_branch[0](features)], None, None)
        gate = self.gate(features)
        logits = [branch(features) for branch in self.branches]
        teacher = (gate.unsqueeze(2) * torch.stack(logits, 1)).sum(1)
        return Outputs(logits, teacher, gate)
