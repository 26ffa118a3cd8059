"""The networks of each training method, by the names of native-ensemble's checkpoints.

`peers.<i>.` is what a peer of mutual learning or of an ensemble owns, `branches.<i>.` a branch of ONE, `teacher.` the
frozen teacher of knowledge distillation.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from branching import Branching, Gate, Outputs
from networks import build_network


class Peers(nn.Module):
    """Whole networks side by side; `averaged`: the log of their mean probability is the teacher."""

    def __init__(self, networks: list[Branching], averaged: bool) -> None:
        super().__init__()
        self.peers, self.averaged = nn.ModuleList(networks), averaged

    def forward(self, x: Tensor) -> Outputs:
        logits = [peer(x).branches[0] for peer in self.peers]
        mean = torch.stack([F.softmax(z, dim=1) for z in logits]).mean(0)
        return Outputs(logits, mean.log() if self.averaged else None, None)


class Unshared(nn.Module):
    """ONE without shared layers: whole networks, and a gate over the mean of their pools where they branch."""

    def __init__(self, networks: list[Branching], images: Tensor) -> None:
        super().__init__()
        self.branches = nn.ModuleList(networks)
        with torch.no_grad():
            channels = networks[0].shared(images).shape[1]
        self.gate = Gate(channels, len(networks))

    def forward(self, x: Tensor) -> Outputs:
        features = [branch.shared(x) for branch in self.branches]
        logits = [branch.lone_branch[0](own) for branch, own in zip(self.branches, features)]
        gate = self.gate(torch.stack(features).mean(0))
        return Outputs(logits, (gate.unsqueeze(2) * torch.stack(logits, 1)).sum(1), gate)


class Ungated(nn.Module):
    """ONE without a gate: the teacher is the mean of the logits."""

    def __init__(self, network: Branching) -> None:
        super().__init__()
        self.network = network
        del network.gate

    def forward(self, x: Tensor) -> Outputs:
        features = self.network.shared(x)
        logits = [branch(features) for branch in self.network.branches]
        return Outputs(logits, torch.stack(logits).mean(0), None)


class Heads(nn.Module):
    """CL-ILR: heads on shared layers; the gradient of what they share is divided by their number."""

    def __init__(self, network: Branching) -> None:
        super().__init__()
        self.network = network
        del network.gate

    def forward(self, x: Tensor) -> Outputs:
        features, heads = self.network.shared(x), self.network.branches
        if features.requires_grad:
            features.register_hook(lambda gradient: gradient / len(heads))
        return Outputs([head(features) for head in heads], None, None)


class PeerAttention(nn.Module):
    """OKDDip's: pooled features of each peer -> mixtures of all peers' logits, by weights of each image and peer."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.query, self.key = (nn.Linear(channels, max(1, channels // 8), bias=False) for _ in range(2))

    def forward(self, features: list[Tensor], logits: list[Tensor]) -> list[Tensor]:
        h = torch.stack(features, 1)  # [batch, peers, channels]
        weights = F.softmax(self.query(h) @ self.key(h).transpose(1, 2), dim=2)
        return list((weights @ torch.stack(logits, 1)).unbind(1))


class DiversePeers(nn.Module):
    """OKDDip: branch 0 is the group leader, the others its peers; `networks` of one share their layers."""

    def __init__(self, networks: list[Branching]) -> None:
        super().__init__()
        if len(networks) == 1:
            self.network = networks[0]
            del self.network.gate
            heads = list(self.network.branches)
        else:
            self.branches = nn.ModuleList(networks)
            heads = networks
        classifiers = [[module for module in head.modules() if isinstance(module, nn.Linear)][-1] for head in heads]
        self.seen: list[Tensor | None] = [None] * len(heads)
        for place, classifier in enumerate(classifiers):
            classifier.register_forward_pre_hook(lambda _, inputs, place=place: self.note(place, inputs[0]))
        self.attention = PeerAttention(classifiers[0].in_features)

    def note(self, place: int, features: Tensor) -> None:
        """What the last layer of a branch sees."""
        self.seen[place] = features

    def forward(self, x: Tensor) -> Outputs:
        if hasattr(self, 'network'):
            features = self.network.shared(x)
            logits = [branch(features) for branch in self.network.branches]
        else:
            logits = [branch(x).branches[0] for branch in self.branches]
        mean = torch.stack(logits[1:]).mean(0)
        attended = self.attention(self.seen[1:], logits[1:])
        return Outputs(logits, mean, None, own_teachers=[mean, *attended])


class Distilled(nn.Module):
    """A student beside a frozen teacher that predicts with its running statistics, whatever the mode of the student."""

    def __init__(self, student: Branching, teacher: Branching) -> None:
        super().__init__()
        self.student, self.teacher = student, teacher.requires_grad_(False)

    def train(self, mode: bool = True) -> Distilled:
        super().train(mode)
        self.teacher.eval()
        return self

    def forward(self, x: Tensor) -> Outputs:
        outputs = self.student(x)
        return Outputs(outputs.branches, None, None, self.teacher(x).branches[0] if self.training else None)


WRAPPERS = ('network.', 'student.')


def checkpoint_name(name: str) -> str:
    """Ours has no level for the modules above that only wrap a network."""
    return next((name.removeprefix(prefix) for prefix in WRAPPERS if name.startswith(prefix)), name)


def build_for_method(options, classes: int) -> nn.Module:
    """options: RunOptions of reference_run.py."""

    def whole(name: str) -> Branching:
        return build_network(name, options.block, 1, classes)

    match options.method:
        case 'dml' | 'ensemble' | 'kdcl':
            return Peers([whole(name) for name in options.peers.split(',')], averaged=options.method == 'ensemble')
        case 'kd' | 'dkd':
            return Distilled(whole(options.network), whole(options.teacher_network))
        case 'cl-ilr':
            return Heads(build_network(options.network, options.block, options.branches, classes))
        case 'okddip' if options.share == 'none':
            return DiversePeers([whole(options.network) for _ in range(options.branches)])
        case 'okddip':
            return DiversePeers([build_network(options.network, options.block, options.branches, classes)])
        case 'one' if options.share == 'none':
            return Unshared([whole(options.network) for _ in range(options.branches)], torch.zeros(2, 3, 32, 32))
        case 'one':
            network = build_network(options.network, options.block, options.branches, classes)
            return Ungated(network) if options.gate == 'average' else network
    raise ValueError(f'Expected a method that native-ensemble knows but received {options.method}')
