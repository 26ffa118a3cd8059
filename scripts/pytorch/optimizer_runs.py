"""Golden values of optimizers: ten updates of a matrix and a vector as torch.optim makes them.

`python3 scripts/pytorch/optimizer_runs.py` writes optimizers.safetensors and optimizers.json into test/fixtures/pytorch. Tensors are
`<run>.<role>`: `matrix`, `vector` = the start; `matrix_gradients`, ... = those of each update; `matrix_updated`, ... = the weights
after each update; `matrix_averaged`, ... = their moving averages.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.optim.swa_utils import get_ema_multi_avg_fn

FIXTURES = Path(__file__).resolve().parents[2] / 'test' / 'fixtures' / 'pytorch'
UPDATES = 10
SHAPES = {'matrix': (5, 17), 'vector': (7,)}

RUNS: dict[str, tuple[type[torch.optim.Optimizer], dict, dict]] = {
    # name: optimizer, PyTorch's settings, ours
    'sgd': (
        torch.optim.SGD,
        {'momentum': 0.9, 'weight_decay': 1e-2, 'nesterov': True},
        {'momentum': 0.9, 'weightDecay': 1e-2},
    ),
    'sgd_clipped': (
        torch.optim.SGD,
        {'momentum': 0.9, 'weight_decay': 1e-2, 'nesterov': True},
        {'momentum': 0.9, 'weightDecay': 1e-2, 'clipNorm': 9.5},
    ),
    'adamw': (torch.optim.AdamW, {}, {'beta1': 0.9, 'beta2': 0.999, 'epsilon': 1e-8, 'weightDecay': 1e-2}),
    'sgd_ema': (
        torch.optim.SGD,
        {'momentum': 0.9, 'weight_decay': 1e-2, 'nesterov': True},
        {'momentum': 0.9, 'weightDecay': 1e-2, 'ema': 0.7},
    ),
    'adamw_ema': (
        torch.optim.AdamW,
        {},
        {'beta1': 0.9, 'beta2': 0.999, 'epsilon': 1e-8, 'weightDecay': 1e-2, 'ema': 0.9},
    ),
    'adamw_other': (
        torch.optim.AdamW,
        {'betas': (0.8, 0.95), 'eps': 1e-3, 'weight_decay': 0.3},
        {'beta1': 0.8, 'beta2': 0.95, 'epsilon': 1e-3, 'weightDecay': 0.3},
    ),
}


def learning_rate(update: int) -> float:
    """Another one in each update, as schedules have it; `update` counts from 0."""
    return 0.05 / (1 + update)


def optimizer_run(kind: type[torch.optim.Optimizer], options: dict, clip_norm: float = math.inf, ema: float = 0.0) -> dict[str, Tensor]:
    weights = {name: torch.randn(shape).requires_grad_() for name, shape in SHAPES.items()}
    optimizer = kind(list(weights.values()), lr=learning_rate(0), **options)
    tensors = {name: weight.detach().clone() for name, weight in weights.items()}
    for name, shape in SHAPES.items():
        tensors[f'{name}_gradients'] = torch.randn(UPDATES, *shape)
        tensors[f'{name}_updated'] = torch.empty(UPDATES, *shape)
        if ema > 0:
            tensors[f'{name}_averaged'] = torch.empty(UPDATES, *shape)
    averages = [weight.detach().clone() for weight in weights.values()]
    average = get_ema_multi_avg_fn(ema)
    for update in range(UPDATES):
        optimizer.param_groups[0]['lr'] = learning_rate(update)
        for name, weight in weights.items():
            weight.grad = tensors[f'{name}_gradients'][update].clone()
        torch.nn.utils.clip_grad_norm_(weights.values(), clip_norm)
        optimizer.step()
        for name, weight in weights.items():
            tensors[f'{name}_updated'][update] = weight.detach()
        if ema > 0:
            average(averages, [weight.detach() for weight in weights.values()], update)
            for name, averaged in zip(weights, averages):
                tensors[f'{name}_averaged'][update] = averaged
    return tensors


def write_optimizer_runs(folder: Path) -> None:
    settings, tensors = {}, {}
    for name, (kind, options, ours) in RUNS.items():
        torch.manual_seed(7 + sum(name.encode()))
        roles = optimizer_run(kind, options, ours.get('clipNorm', math.inf), ours.get('ema', 0.0))
        rates = {f'rate{update}': learning_rate(update) for update in range(UPDATES)}
        settings[name] = {**ours, 'updates': UPDATES, **rates, 'tensors': list(roles)}
        tensors.update({f'{name}.{role}': tensor for role, tensor in roles.items()})
    save_file(tensors, folder / 'optimizers.safetensors')
    text = json.dumps({'torch': torch.__version__, 'cases': settings}, indent=1)
    (folder / 'optimizers.json').write_text(text + '\n')


if __name__ == '__main__':
    write_optimizer_runs(FIXTURES)
