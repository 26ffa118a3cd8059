"""Residual networks of native-ensemble in JAX, with ONE's branches and gate: channels last, functions of a dictionary.

A network is called twice: once with an empty `Variables` that draws weights as they are asked for, then inside the step
with those. Names are those of native-ensemble's checkpoints.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

EPSILON = 1e-5
RUNNING_WEIGHT = 0.1


class Variables:
    """Trained tensors and running averages by name; `compute` is the type of activations."""

    def __init__(self, weights: dict, averages: dict, compute, drawn: np.random.Generator | None = None) -> None:
        self.weights, self.averages, self.compute, self.drawn = weights, averages, compute, drawn
        self.updated: dict = {}

    def weight(self, name: str, shape: tuple[int, ...], deviation: float, value: float = 0.0):
        if self.drawn is not None and name not in self.weights:
            noise = self.drawn.normal(0, 1, shape) * deviation
            self.weights[name] = jnp.asarray(noise + value, jnp.float32)
        return self.weights[name]

    def average(self, name: str, channels: int, value: float):
        if self.drawn is not None:
            self.averages.setdefault(name, jnp.full((channels,), value, jnp.float32))
        return self.averages[name]


def convolution(v: Variables, name: str, x, outputs: int, kernel: int, stride: int = 1, groups: int = 1):
    shape = (kernel, kernel, x.shape[-1] // groups, outputs)
    weight = v.weight(f'{name}.weight', shape, (2 / (kernel * kernel * outputs)) ** 0.5)
    pad = (kernel - 1) // 2
    return lax.conv_general_dilated(
        x.astype(v.compute),
        weight.astype(v.compute),
        (stride, stride),
        [(pad, pad), (pad, pad)],
        dimension_numbers=('NHWC', 'HWIO', 'NHWC'),
        feature_group_count=groups,
    )


def batch_norm(v: Variables, name: str, x):
    """Statistics in f32 over the batch; the running averages' new values go to `v.updated`."""
    channels, axes = x.shape[-1], tuple(range(x.ndim - 1))
    scale = v.weight(f'{name}.weight', (channels,), 0, 1.0)
    shift = v.weight(f'{name}.bias', (channels,), 0)
    wide = x.astype(jnp.float32)
    mean = wide.mean(axes)
    variance = jnp.maximum((wide * wide).mean(axes) - mean * mean, 0)
    count = x.size // channels
    for key, start, batch in (('running_mean', 0.0, mean), ('running_var', 1.0, variance * count / (count - 1))):
        before = v.average(f'{name}.{key}', channels, start)
        v.updated[f'{name}.{key}'] = (1 - RUNNING_WEIGHT) * before + RUNNING_WEIGHT * lax.stop_gradient(batch)
    return ((wide - mean) * lax.rsqrt(variance + EPSILON) * scale + shift).astype(x.dtype)


def linear(v: Variables, name: str, x, outputs: int):
    bound = x.shape[-1] ** -0.5
    weight = v.weight(f'{name}.weight', (x.shape[-1], outputs), bound / 3**0.5)
    return x.astype(jnp.float32) @ weight + v.weight(f'{name}.bias', (outputs,), 0)


def pooled(x):
    return x.astype(jnp.float32).mean((1, 2))


class Design(NamedTuple):
    """`inner` and `outer`: channels of a stage's 3x3 convolutions and out of its blocks; equal = basic blocks."""

    blocks: tuple[int, ...]
    stem: int
    inner: tuple[int, ...]
    outer: tuple[int, ...]
    bottleneck: bool
    groups: int = 1
    imagenet: bool = False


def design_of(name: str) -> Design:
    if match := re.fullmatch(r'resnet-(\d+)', name):
        depth = int(match[1])
        blocks, bottleneck = (depth - 2) // 6, depth >= 44
        outer = (64, 128, 256) if bottleneck else (16, 32, 64)
        return Design((blocks,) * 3, 16, (16, 32, 64), outer, bottleneck)
    if match := re.fullmatch(r'resnext-(\d+)-(\d+)x(\d+)d(?:-widen(\d+))?', name):
        depth, cardinality, base, widen = (int(group or 4) for group in match.groups())
        inner = tuple(cardinality * base * 2**index for index in range(3))
        return Design(((depth - 2) // 9,) * 3, 64, inner, (64 * widen, 128 * widen, 256 * widen), True, cardinality)
    imagenet = {
        'imagenet-resnet-18': ((2, 2, 2, 2), 1, 1, 1),
        'imagenet-resnet-34': ((3, 4, 6, 3), 1, 1, 1),
        'imagenet-resnet-50': ((3, 4, 6, 3), 4, 1, 1),
        'imagenet-resnext-50-32x4d': ((3, 4, 6, 3), 4, 32, 2),
    }
    if name in imagenet:
        blocks, expansion, groups, factor = imagenet[name]
        widths = (64, 128, 256, 512)
        inner, outer = tuple(w * factor for w in widths), tuple(w * expansion for w in widths)
        return Design(blocks, 64, inner, outer, expansion > 1, groups, True)
    raise ValueError(f'Expected a residual network for the JAX baseline but received {name}')


def block(v: Variables, name: str, x, inner: int, outer: int, stride: int, design: Design):
    if design.bottleneck:
        y = jax.nn.relu(batch_norm(v, f'{name}.bn1', convolution(v, f'{name}.conv1', x, inner, 1)))
        y = convolution(v, f'{name}.conv2', y, inner, 3, stride, design.groups)
        y = jax.nn.relu(batch_norm(v, f'{name}.bn2', y))
        y = batch_norm(v, f'{name}.bn3', convolution(v, f'{name}.conv3', y, outer, 1))
    else:
        y = jax.nn.relu(batch_norm(v, f'{name}.bn1', convolution(v, f'{name}.conv1', x, outer, 3, stride)))
        y = batch_norm(v, f'{name}.bn2', convolution(v, f'{name}.conv2', y, outer, 3))
    if stride != 1 or x.shape[-1] != outer:
        x = batch_norm(v, f'{name}.downsample.1', convolution(v, f'{name}.downsample.0', x, outer, 1, stride))
    return jax.nn.relu(y + x)


def stage(v: Variables, prefix: str, x, index: int, design: Design):
    for place in range(design.blocks[index]):
        stride = 2 if place == 0 and index > 0 else 1
        name = f'{prefix}layer{index + 1}.{place}'
        x = block(v, name, x, design.inner[index], design.outer[index], stride, design)
    return x


def forward(v: Variables, design: Design, x, branches: int, classes: int):
    """x: [batch, height, width, 3]. Returns each branch's logits, and the gated teacher's (None for one branch)."""
    x = convolution(v, 'conv1', x, design.stem, 7, 2) if design.imagenet else convolution(v, 'conv1', x, design.stem, 3)
    x = jax.nn.relu(batch_norm(v, 'bn1', x))
    if design.imagenet:
        # A constant of JAX's would be traced, and a maximum from an unknown number has no derivative.
        pads = ((0, 0), (1, 1), (1, 1), (0, 0))
        x = lax.reduce_window(x, np.array(-np.inf, x.dtype), lax.max, (1, 3, 3, 1), (1, 2, 2, 1), pads)
    last = len(design.blocks) - 1
    for index in range(last):
        x = stage(v, '', x, index, design)
    prefixes = [''] if branches == 1 else [f'branches.{branch}.' for branch in range(branches)]
    logits = [linear(v, f'{prefix}fc', pooled(stage(v, prefix, x, last, design)), classes) for prefix in prefixes]
    if branches == 1:
        return logits, None
    gate = batch_norm(v, 'gate.bn', linear(v, 'gate.fc', pooled(x), branches))
    gate = jax.nn.softmax(jax.nn.relu(gate))
    return logits, sum(gate[:, place : place + 1] * branch for place, branch in enumerate(logits))
