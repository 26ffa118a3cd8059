"""The objectives of ONE, mutual learning, distillation and ensembles, in parts that add up to the total."""

from __future__ import annotations

from typing import NamedTuple

import torch
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
    """T^2 times the sum over branches of KL(teacher || branch), both softened by T; before the ramp-up's weight.

    Mutual learning: sum over peers of the mean KL(other || peer). Distillation: with its weight alpha.
    """


def objective(
    outputs: Outputs, labels: Tensor, temperature: float, distillation_weight: float, label_smoothing: float = 0.0
) -> LossParts:
    """sum_i CE(z_i, y) + CE(z_teacher, y) + w T^2 sum_i KL(p_teacher || p_i); no gradient through p_teacher in KL.

    labels: [batch], class numbers.
    """
    branch_losses = [F.cross_entropy(logits, labels, label_smoothing=label_smoothing) for logits in outputs.branches]
    total = sum(branch_losses[1:], branch_losses[0])
    if outputs.teacher is None:
        return LossParts(total, branch_losses, None, None)
    teacher_loss = F.cross_entropy(outputs.teacher, labels, label_smoothing=label_smoothing)
    soft_teacher = F.softmax(outputs.teacher.detach() / temperature, dim=1)
    divergences = [
        F.kl_div(F.log_softmax(logits / temperature, dim=1), soft_teacher, reduction='batchmean')
        for logits in outputs.branches
    ]
    distillation = temperature**2 * sum(divergences[1:], divergences[0])
    total = total + teacher_loss + distillation_weight * distillation
    return LossParts(total, branch_losses, teacher_loss, distillation)


def divergence(teacher: Tensor, student: Tensor, temperature: float) -> Tensor:
    """KL(teacher || student) of softened predictions, no gradient through the teacher; its mean over the batch."""
    soft_teacher = F.softmax(teacher.detach() / temperature, dim=1)
    return F.kl_div(F.log_softmax(student / temperature, dim=1), soft_teacher, reduction='batchmean')


def mutual_objective(outputs: Outputs, labels: Tensor) -> LossParts:
    """Deep Mutual Learning: sum_k CE(z_k, y) + 1 / (K - 1) sum_k sum_{j != k} KL(p_j || p_k)."""
    losses = [F.cross_entropy(logits, labels) for logits in outputs.branches]
    pairs = [(j, k) for k in range(len(losses)) for j in range(len(losses)) if j != k]
    divergences = [divergence(outputs.branches[j], outputs.branches[k], 1.0) for j, k in pairs]
    distillation = sum(divergences) / (len(losses) - 1)
    return LossParts(sum(losses) + distillation, losses, None, distillation)


def distilled_objective(outputs: Outputs, labels: Tensor, temperature: float, alpha: float) -> LossParts:
    """Knowledge distillation: (1 - alpha) CE(z, y) + alpha T^2 KL(p_teacher || p)."""
    (student,) = outputs.branches
    loss = (1 - alpha) * F.cross_entropy(student, labels)
    distillation = alpha * temperature**2 * divergence(outputs.pretrained, student, temperature)
    return LossParts(loss + distillation, [loss], None, distillation)


def collaborative_objective(outputs: Outputs, labels: Tensor, temperature: float, alpha: float) -> LossParts:
    """Collaborative learning: sum_h (1 - alpha) CE(z_h, y) + alpha T^2 KL(mean of the others' logits || z_h)."""
    losses = [(1 - alpha) * F.cross_entropy(logits, labels) for logits in outputs.branches]
    stacked = torch.stack(outputs.branches)
    divergences = [
        divergence((stacked.sum(0) - own) / (len(losses) - 1), own, temperature) for own in outputs.branches
    ]
    distillation = alpha * temperature**2 * sum(divergences)
    return LossParts(sum(losses) + distillation, losses, None, distillation)


def kdcl_objective(outputs: Outputs, labels: Tensor, temperature: float, rule: str) -> LossParts:
    """KDCL: sum_i CE(z_i, y) + T^2 sum_i KL(z_t || z_i), z_t chosen image by image; lambda = 1."""
    losses = [F.cross_entropy(logits, labels) for logits in outputs.branches]
    stacked = torch.stack(outputs.branches).detach()  # [students, batch, classes]
    if rule == 'naive':
        errors = torch.stack([F.cross_entropy(logits, labels, reduction='none') for logits in stacked])
        target = stacked[errors.argmin(0), torch.arange(len(labels))]
    else:
        target = torch.stack([logits - logits.gather(1, labels.long().unsqueeze(1)) for logits in stacked]).amin(0)
    distillation = temperature**2 * sum(divergence(target, logits, temperature) for logits in outputs.branches)
    return LossParts(sum(losses) + distillation, losses, None, distillation)


def diverse_peers_objective(outputs: Outputs, labels: Tensor, temperature: float, weight: float) -> LossParts:
    """OKDDip: sum_i CE(z_i, y) + weight T^2 sum_i KL(target_i || z_i); gradients go through the targets too."""
    losses = [F.cross_entropy(logits, labels) for logits in outputs.branches]
    divergences = []
    for student, target in zip(outputs.branches, outputs.own_teachers):
        p, q = (F.log_softmax(logits / temperature, dim=1) for logits in (target, student))
        divergences.append((p.exp() * (p - q)).sum(1).mean())
    distillation = temperature**2 * sum(divergences)
    return LossParts(sum(losses) + weight * distillation, losses, None, distillation)


def decoupled_objective(
    outputs: Outputs, labels: Tensor, temperature: float, alpha: float, beta: float, weight: float
) -> LossParts:
    """DKD: CE + weight T^2 (alpha TCKD + beta NCKD), the definitions of its section 3.1."""
    (student,) = outputs.branches
    loss = F.cross_entropy(student, labels)
    p, q = (F.softmax(logits / temperature, dim=1) for logits in (outputs.pretrained.detach(), student))
    own = F.one_hot(labels, student.shape[1]).bool()
    binary_p, binary_q = (torch.stack([x[own], 1 - x[own]], 1) for x in (p, q))
    target = (binary_p * (binary_p / binary_q).log()).sum(1).mean()
    rest_p, rest_q = (x[~own].reshape(len(labels), -1) / (1 - x[own]).unsqueeze(1) for x in (p, q))
    others = (rest_p * (rest_p / rest_q).log()).sum(1).mean()
    distillation = temperature**2 * (alpha * target + beta * others)
    return LossParts(loss + weight * distillation, [loss], None, distillation)


def undistilled_objective(outputs: Outputs, labels: Tensor, teacher_learns: bool) -> LossParts:
    """Cross entropies alone: ONE without distillation, and networks of an ensemble, whose mean learns nothing."""
    losses = [F.cross_entropy(logits, labels) for logits in outputs.branches]
    teacher = F.cross_entropy(outputs.teacher, labels) if teacher_learns else None
    total = sum(losses) if teacher is None else sum(losses) + teacher
    return LossParts(total, losses, teacher, None)
