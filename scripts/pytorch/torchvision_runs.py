"""A few steps of torchvision's networks at full size, small enough to keep: what could be drawn again is not stored.

Weights, images and places of the kept elements come from whole-number arithmetic that test/support/hashed-numbers.ts
repeats bit for bit; losses, some elements of every gradient, and logits are what PyTorch makes of them.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torchvision
from torch import Tensor, nn

from branching import Branching
from objective import objective
from torchvision_networks import torchvision_network

CLASSES, BATCH, KEPT = 10, 4, 6
VANISHING = 1e-12
STEADY_SCALE = 0.1
LEARNING_RATE, MOMENTUM, WEIGHT_DECAY, TEMPERATURE = 0.01, 0.9, 1e-4, 3.0


@dataclass(frozen=True)
class Run:
    network: str
    branches: int
    size: int = 64
    """Height and width of the images."""
    steps: int = 2
    scale: float = STEADY_SCALE
    """Batch norms begin with scales of one to two times this. With 0.8 many results are above 6, and none within rounding of it."""


RUNS = {
    'one-imagenet-resnet-18': Run('imagenet-resnet-18', 3),
    'vanilla-imagenet-resnet-18': Run('imagenet-resnet-18', 1),
    'vanilla-imagenet-resnet-50': Run('imagenet-resnet-50', 1),
    'vanilla-imagenet-resnext-50-32x4d': Run('imagenet-resnext-50-32x4d', 1),
    'vanilla-vgg-16-bn': Run('vgg-16-bn', 1, size=32, steps=10),
    'one-vgg-16-bn': Run('vgg-16-bn', 2, size=32),
    'vanilla-mobilenet-v2': Run('mobilenet-v2', 1, size=32, steps=10),
    'one-mobilenet-v2': Run('mobilenet-v2', 2, size=32),
    'vanilla-imagenet-mobilenet-v2': Run('imagenet-mobilenet-v2', 1, scale=0.8),
}


def hashed(count: int, stream: int) -> np.ndarray:
    """`count` numbers of [0, 1): the finaliser of MurmurHash3 on index and stream, 32 bits wide."""
    x = (np.arange(count, dtype=np.uint64) + np.uint64(stream * 0x9E3779B9)) & np.uint64(0xFFFFFFFF)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        x ^= x >> np.uint64(shift)
        x = (x * np.uint64(factor)) & np.uint64(0xFFFFFFFF)
    return (x ^ (x >> np.uint64(16))).astype(np.float64) / 2**32


def hashed_state(network: Branching, norm_scale: float) -> dict[str, Tensor]:
    """By the place of a name in the sorted list. Batch norm shifts of 1.5 to 3.5 scales keep ReLU inputs away from 0."""
    state = {name: tensor for name, tensor in network.state_dict().items() if not name.endswith('num_batches_tracked')}
    order = {name: stream for stream, name in enumerate(sorted(state))}
    norms = {name for name, module in network.named_modules() if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d)}

    def values(name: str) -> np.ndarray:
        shape = tuple(state[name].shape)
        u = hashed(math.prod(shape), order[name]).reshape(shape)
        layer, part = name.rsplit('.', 1)
        if layer not in norms:
            rows = state[f'{layer}.weight'].shape
            # N(0, 2 / fan out) has the variance of U(+-sqrt(6 / fan out)); linear layers have PyTorch's default.
            bound = math.sqrt(6 / (rows[0] * rows[2] * rows[3])) if len(rows) == 4 else 1 / math.sqrt(rows[1])
            return bound * (2 * u - 1)
        if part == 'weight':
            return norm_scale + norm_scale * u
        if part == 'bias':
            return values(f'{layer}.weight') * (1.5 + 2 * u)
        return np.zeros(shape) if part == 'running_mean' else np.ones(shape)

    return {name: torch.from_numpy(values(name).astype(np.float32)) for name in state}


def images(batch: int, size: int) -> Tensor:
    """[batch, 3, size, size]; hashed as bytes [batch, size, size, 3] and scaled to 0..1, mean 0.5, std 0.25."""
    pixels = np.floor(256 * hashed(batch * size * size * 3, 1000)).reshape(batch, size, size, 3)
    return torch.from_numpy((pixels.transpose(0, 3, 1, 2) / 255 - 0.5) / 0.25)


def kept(tensor: Tensor, stream: int) -> dict:
    """Largest magnitude, and the elements at hashed places."""
    flat = tensor.detach().flatten()
    places = [int(place) for place in np.floor(hashed(KEPT, 2000 + stream) * flat.numel())]
    return {'largest': flat.abs().max().item(), 'elements': [flat[place].item() for place in places]}


def train(run: Run, dtype: torch.dtype) -> dict:
    network = torchvision_network(run.network, run.branches, CLASSES)
    initial = hashed_state(network, run.scale)
    network.load_state_dict(initial, strict=False)
    network.to(dtype).train()
    optimiser = torch.optim.SGD(
        network.parameters(), LEARNING_RATE, MOMENTUM, weight_decay=WEIGHT_DECAY, nesterov=True
    )
    labels = torch.arange(BATCH) % CLASSES
    losses, gradients = [], {}
    streams = {name: stream for stream, name in enumerate(sorted(initial))}
    for step in range(run.steps):
        parts = objective(network(images(BATCH, run.size).to(dtype)), labels, TEMPERATURE, 1.0)
        optimiser.zero_grad()
        parts.total.backward()
        losses.append(parts.total.item())
        if step == 0:
            gradients = {name: kept(p.grad, streams[name]) for name, p in network.named_parameters()}
        optimiser.step()
    network.eval()
    with torch.no_grad():
        outputs = network(images(BATCH, run.size).to(dtype))
    return {
        'network': run.network,
        'branches': run.branches,
        'classes': CLASSES,
        'batch': BATCH,
        'size': run.size,
        **({} if run.scale == STEADY_SCALE else {'normScale': run.scale}),
        'learningRate': LEARNING_RATE,
        'momentum': MOMENTUM,
        'weightDecay': WEIGHT_DECAY,
        'temperature': TEMPERATURE,
        'shapes': {name: list(tensor.shape) for name, tensor in sorted(initial.items())},
        'losses': losses,
        'gradients': gradients,
        'logits': [logits.tolist() for logits in outputs.branches],
    }


def write_torchvision_runs(path: Path) -> None:
    record = {'torch': torch.__version__, 'torchvision': torchvision.__version__, 'runs': {}}
    for name, run in RUNS.items():
        single, double = (train(run, dtype) for dtype in (torch.float32, torch.float64))
        # What only shifts the input of a batch norm has no gradient but rounding.
        exact_gradients = {key: exact for key, exact in double['gradients'].items() if exact['largest'] > VANISHING}
        single['gradients'] = {key: single['gradients'][key] for key in exact_gradients}
        apart = max(
            max(abs(a - b) for a, b in zip(single['gradients'][key]['elements'], exact['elements'])) / exact['largest']
            for key, exact in exact_gradients.items()
        )
        losses = max(abs(a - b) / abs(b) for a, b in zip(single['losses'], double['losses']))
        print(name, single['losses'], {'lossRelative': losses, 'gradientsOfScale': apart})
        record['runs'][name] = {**single, 'float32Drift': {'lossRelative': losses, 'gradientsOfScale': apart}}
    path.write_text(json.dumps(record) + '\n')
