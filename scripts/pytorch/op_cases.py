"""Golden values of single operators: inputs, outputs and gradients as PyTorch computes them.

A case is a function that draws its inputs, and returns tensors by role. Roles: the op's own inputs, `output` (or
several outputs by name), `d_output` = the gradient that is fed in, `d_<input>` = the gradient that comes out.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from branching import Gate, Outputs
from objective import objective

Tensors = dict[str, Tensor]


def with_gradients(inputs: Tensors, function: Callable[[Tensors], Tensor]) -> Tensors:
    """Runs the function on the float inputs, and backwards with a drawn d_output."""
    leaves = {name: tensor.clone().requires_grad_(tensor.is_floating_point()) for name, tensor in inputs.items()}
    output = function(leaves)
    d_output = torch.randn_like(output)
    output.backward(d_output)
    gradients = {f'd_{name}': leaf.grad for name, leaf in leaves.items() if leaf.grad is not None}
    return {**inputs, 'output': output.detach(), 'd_output': d_output, **gradients}


def batch_norm() -> tuple[dict, Tensors]:
    channels = 5
    running_mean, running_var = torch.randn(channels), torch.rand(channels) + 0.5
    inputs = {
        'input': torch.randn(3, channels, 7, 9) * 2 + 1,
        'weight': torch.rand(channels) + 0.5,
        'bias': torch.randn(channels),
    }
    updated_mean, updated_var = running_mean.clone(), running_var.clone()
    tensors = with_gradients(
        inputs,
        lambda t: F.batch_norm(t['input'], updated_mean, updated_var, t['weight'], t['bias'], True, 0.1, 1e-5),
    )
    inference = F.batch_norm(
        inputs['input'], running_mean, running_var, inputs['weight'], inputs['bias'], False, 0.1, 1e-5
    )
    statistics = {
        'running_mean': running_mean,
        'running_var': running_var,
        'updated_mean': updated_mean,
        'updated_var': updated_var,
        'inference_output': inference,
    }
    return {'epsilon': 1e-5, 'runningWeight': 0.1}, {**tensors, **statistics}


def batch_norm_rows() -> tuple[dict, Tensors]:
    """On [batch, features], as in the gate."""
    inputs = {'input': torch.randn(7, 3), 'weight': torch.rand(3) + 0.5, 'bias': torch.randn(3)}
    tensors = with_gradients(inputs, lambda t: F.batch_norm(t['input'], None, None, t['weight'], t['bias'], True))
    return {'epsilon': 1e-5}, tensors


def convolution(batch: int, inputs: int, outputs: int, kernel: int, size: tuple[int, int], **options: int):
    def case() -> tuple[dict, Tensors]:
        groups = options.get('groups', 1)
        tensors = {
            'input': torch.randn(batch, inputs, *size),
            'weight': torch.randn(outputs, inputs // groups, kernel, kernel) * 0.3,
        }
        settings = {'stride': options.get('stride', 1), 'padding': options.get('padding', 0), 'groups': groups}
        return settings, with_gradients(tensors, lambda t: F.conv2d(t['input'], t['weight'], **settings))

    return case


def linear() -> tuple[dict, Tensors]:
    inputs = {'input': torch.randn(5, 11), 'weight': torch.randn(7, 11) * 0.3, 'bias': torch.randn(7)}
    return {}, with_gradients(inputs, lambda t: F.linear(t['input'], t['weight'], t['bias']))


def pool(kind: str, kernel: int, stride: int, padding: int):
    def case() -> tuple[dict, Tensors]:
        settings = {'kernel': kernel, 'stride': stride, 'padding': padding}
        inputs = {'input': torch.randn(2, 3, 11, 9)}
        if kind == 'max':
            return settings, with_gradients(inputs, lambda t: F.max_pool2d(t['input'], kernel, stride, padding))
        # Padding counts as zeros in the mean (PyTorch's default).
        return {**settings, 'countPadding': True}, with_gradients(
            inputs, lambda t: F.avg_pool2d(t['input'], kernel, stride, padding)
        )

    return case


def global_average_pool() -> tuple[dict, Tensors]:
    return {}, with_gradients({'input': torch.randn(3, 5, 7, 3)}, lambda t: t['input'].mean((2, 3)))


def activation(function: Callable[[Tensor], Tensor]):
    return lambda: ({}, with_gradients({'input': torch.randn(3, 5, 7, 9) * 4}, lambda t: function(t['input'])))


def cross_entropy(label_smoothing: float = 0.0) -> Callable[[], tuple[dict, Tensors]]:
    def case() -> tuple[dict, Tensors]:
        labels = torch.tensor([3, 0, 6, 6, 2])
        logits = (torch.randn(5, 7) * 3).requires_grad_()
        loss = F.cross_entropy(logits, labels, label_smoothing=label_smoothing)
        loss.backward()
        return {}, {'logits': logits.detach(), 'labels': labels.int(), 'loss': loss.detach(), 'd_logits': logits.grad}

    return case


def divergence() -> tuple[dict, Tensors]:
    """T^2 KL(teacher || student), mean over the batch; the teacher's side is constant."""
    temperature = 3.0
    teacher = torch.randn(5, 7) * 4
    student = (torch.randn(5, 7) * 4).requires_grad_()
    soft = F.softmax(teacher / temperature, 1)
    loss = temperature**2 * F.kl_div(F.log_softmax(student / temperature, 1), soft, reduction='batchmean')
    loss.backward()
    tensors = {'teacher': teacher, 'student': student.detach(), 'loss': loss.detach(), 'd_student': student.grad}
    return {'temperature': temperature}, tensors


def gated_teacher() -> tuple[dict, Tensors]:
    """Features and the branches' logits -> gate -> teacher logits -> whole objective, with all gradients."""
    temperature, weight, branches, classes = 3.0, 0.7, 3, 5
    features = torch.randn(7, 6, 5, 3).requires_grad_()
    logits = (torch.randn(branches, 7, classes) * 2).requires_grad_()
    labels = torch.tensor([0, 4, 2, 2, 1, 3, 0])
    gate = Gate(6, branches)
    with torch.no_grad():
        gate.bn.weight.copy_(torch.rand(branches) + 0.5)
        gate.bn.bias.copy_(torch.randn(branches) * 0.5)
    probabilities = gate(features)
    teacher = (probabilities.unsqueeze(2) * logits.transpose(0, 1)).sum(1)
    parts = objective(Outputs(list(logits), teacher, probabilities), labels, temperature, weight)
    parts.total.backward()
    parameters = {f'gate.{name}': parameter.detach() for name, parameter in gate.named_parameters()}
    gradients = {f'd_gate.{name}': parameter.grad for name, parameter in gate.named_parameters()}
    return {'temperature': temperature, 'distillationWeight': weight}, {
        'features': features.detach(),
        'logits': logits.detach(),
        'labels': labels.int(),
        **parameters,
        'gate': probabilities.detach(),
        'teacher': teacher.detach(),
        'teacher_loss': parts.teacher.detach(),
        'distillation': parts.distillation.detach(),
        'loss': parts.total.detach(),
        'd_features': features.grad,
        'd_logits': logits.grad,
        **gradients,
    }


def nesterov_sgd() -> tuple[dict, Tensors]:
    """Three updates of PyTorch's SGD; its momentum begins as the first gradient."""
    settings = {'learningRate': 0.1, 'momentum': 0.9, 'weightDecay': 1e-2, 'updates': 3}
    weight = torch.randn(37).requires_grad_()
    optimiser = torch.optim.SGD([weight], 0.1, 0.9, weight_decay=1e-2, nesterov=True)
    tensors = {'weight': weight.detach().clone(), 'gradients': torch.randn(3, 37), 'updated': torch.empty(3, 37)}
    for update in range(3):
        weight.grad = tensors['gradients'][update].clone()
        optimiser.step()
        tensors['updated'][update] = weight.detach()
    tensors['momentum'] = optimiser.state[weight]['momentum_buffer'].clone()
    return settings, tensors


CASES: dict[str, Callable[[], tuple[dict, Tensors]]] = {
    'batch_norm': batch_norm,
    'batch_norm_rows': batch_norm_rows,
    'conv_3x3': convolution(2, 5, 7, 3, (9, 11), padding=1),
    'conv_3x3_stride_2_odd': convolution(3, 5, 7, 3, (11, 7), stride=2, padding=1),
    'conv_3x3_stride_2_even': convolution(2, 4, 6, 3, (8, 10), stride=2, padding=1),
    'conv_1x1_stride_2_odd': convolution(2, 3, 9, 1, (7, 9), stride=2),
    'conv_7x7_stride_2': convolution(1, 3, 5, 7, (15, 17), stride=2, padding=3),
    'conv_grouped': convolution(2, 6, 9, 3, (7, 5), padding=1, groups=3),
    'conv_grouped_stride_2': convolution(2, 8, 8, 3, (9, 7), stride=2, padding=1, groups=4),
    'conv_depthwise': convolution(2, 24, 24, 3, (9, 7), padding=1, groups=24),
    'conv_depthwise_stride_2': convolution(2, 24, 24, 3, (8, 10), stride=2, padding=1, groups=24),
    'conv_depthwise_5x5': convolution(2, 16, 16, 5, (7, 9), stride=2, padding=2, groups=16),
    'linear': linear,
    'max_pool_3x3_stride_2': pool('max', 3, 2, 1),
    'max_pool_2x2': pool('max', 2, 2, 0),
    'average_pool_3x3_stride_2': pool('average', 3, 2, 1),
    'average_pool_2x2': pool('average', 2, 2, 0),
    'global_average_pool': global_average_pool,
    'relu': activation(F.relu),
    'relu6': activation(F.relu6),
    'silu': activation(F.silu),
    'gelu': activation(F.gelu),
    'cross_entropy': cross_entropy(),
    'cross_entropy_smoothed': cross_entropy(label_smoothing=0.1),
    'divergence': divergence,
    'gated_teacher': gated_teacher,
    'nesterov_sgd': nesterov_sgd,
}


def op_cases(seed: int) -> tuple[dict[str, dict], Tensors]:
    """Settings of each case, and all tensors as `<case>.<role>`; a case's numbers do not depend on the others."""
    settings: dict[str, dict] = {}
    tensors: Tensors = {}
    for name, case in CASES.items():
        torch.manual_seed(seed + sum(name.encode()))
        options, roles = case()
        settings[name] = {**options, 'tensors': list(roles)}
        tensors.update({f'{name}.{role}': tensor.contiguous() for role, tensor in roles.items()})
    return settings, tensors
