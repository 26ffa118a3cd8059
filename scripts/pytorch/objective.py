"""The objective of ONE (equations 1 to 8 of the paper), in parts that add up to the total."""

from __future__ import annotations

from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor

from branching import Outputs


class LossParts(NamedTuple):
    """All are means over the batch, as scalars; teacher and distillation are None for a vanilla network."""

    total: Tensor
    cross_entropy: list[Tensor]
    """Of each branch."""
    teacher: Tensor | None
    """Cross entropy of the gated sum of logits."""
    distillation: Tensor | None
    """T^2 times the sum over branches of KL(teacher || branch), both softened by T; before the ramp-up's weight."""


def objective(outputs: Outputs, labels: Tensor, temperature: float, distillation_weight: float) -> LossParts:
    """sum_i CE(z_i, y) + CE(z_teacher, y) + w T^2 sum_i KL(p_teacher || p_i); no gradient through p_teacher in KL.

    labels: [batch], class numbers.
    """
    branch_losses = [F.cross_entropy(logits, labels) for logits in outputs.branches]
    total = sum(branch_losses[1:], branch_losses[0])
    if outputs.teacher is None:
        return LossParts(total, branch_losses, None, None)
    teacher_loss = F.cross_entropy(outputs.teacher, labels)
    soft_teacher = F.softmax(outputs.teacher.detach() / temperature, dim=1)
    divergences = [
        F.kl_div(F.log_softmax(logits / temperature, dim=1), soft_teacher, reduction='batchmean')
        for logits in outputs.branches
    ]
    distillation = temperature**2 * sum(divergences[1:], divergences[0])
    total = total + teacher_loss + distillation_weight * distillation
    return LossParts(total, branch_losses, teacher_loss, distillation)
