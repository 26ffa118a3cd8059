"""JAX's training step of ONE as a resident process: a line of JSON in, a line of JSON out (docs/baselines.md).

With --export it writes the step's StableHLO as JAX lowers it for CUDA, which needs no GPU, and ends.

One jit-compiled function takes weights, momentum and running averages, which it may overwrite (donated), and a batch of
bytes on the device; it normalises, runs forward and backward and updates.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable
from pathlib import Path

from step_baseline import serve_requests, task_options

MODES = ('fp32-jit', 'bf16-jit')
LEARNING_RATE, MOMENTUM, WEIGHT_DECAY, TEMPERATURE = 0.1, 0.9, 1e-4, 3.0


def build_update(mode: str, arguments: argparse.Namespace) -> tuple[Callable, list, tuple]:
    """The jit-compiled step, and its first arguments: a list of state and a batch."""
    import jax
    import jax.numpy as jnp
    import numpy as np
    from jax_networks import Variables, design_of, forward

    design = design_of(arguments.network)
    compute = jnp.bfloat16 if mode.startswith('bf16') else jnp.float32
    drawn = np.random.default_rng(0)
    size = (arguments.batch, arguments.side, arguments.side, 3)
    images = jnp.asarray(drawn.integers(0, 256, size, dtype=np.uint8))
    labels = jnp.asarray(drawn.integers(0, arguments.classes, arguments.batch))

    def normalised(pixels):
        return ((pixels.astype(jnp.float32) / 255 - 0.5) / 0.25).astype(compute)

    first = Variables({}, {}, compute, drawn)
    forward(first, design, normalised(images[:2]), arguments.branches, arguments.classes)
    state = [first.weights, jax.tree.map(jnp.zeros_like, first.weights), first.averages]

    def loss_of(weights, averages, pixels, wanted):
        v = Variables(weights, averages, compute)
        logits, teacher = forward(v, design, normalised(pixels), arguments.branches, arguments.classes)

        def cross_entropy(scores):
            return -jnp.take_along_axis(jax.nn.log_softmax(scores), wanted[:, None], 1).mean()

        total = sum(cross_entropy(scores) for scores in logits)
        if teacher is not None:
            soft = jax.lax.stop_gradient(jax.nn.log_softmax(teacher / TEMPERATURE))
            for scores in logits:
                apart = jnp.exp(soft) * (soft - jax.nn.log_softmax(scores / TEMPERATURE))
                total += TEMPERATURE**2 * apart.sum(1).mean()
            total += cross_entropy(teacher)
        return total, v.updated

    def update(weights, momentum, averages, pixels, wanted):
        (loss, averages), gradients = jax.value_and_grad(loss_of, has_aux=True)(weights, averages, pixels, wanted)
        decayed = jax.tree.map(lambda g, w: g + WEIGHT_DECAY * w, gradients, weights)
        momentum = jax.tree.map(lambda m, g: MOMENTUM * m + g, momentum, decayed)
        move = lambda w, g, m: w - LEARNING_RATE * (g + MOMENTUM * m)  # noqa: E731 (Nesterov)
        return jax.tree.map(move, weights, decayed, momentum), momentum, averages, loss

    return jax.jit(update, donate_argnums=(0, 1, 2)), state, (images, labels)


def build_step(mode: str, arguments: argparse.Namespace) -> Callable:
    """A function that starts one whole training step on the same batch each time and returns its loss, still on the device."""
    compiled, state, batch = build_update(mode, arguments)

    def step():
        *state[:], loss = compiled(*state, *batch)
        return loss

    return step


def export_step(mode: str, arguments: argparse.Namespace) -> None:
    """Writes the step's text for CUDA and tells the version that lowered it."""
    import jax

    compiled, state, batch = build_update(mode, arguments)
    text = compiled.trace(*state, *batch).lower(lowering_platforms=('cuda',)).as_text()
    Path(arguments.export).write_text(text)
    print(json.dumps({'jax': jax.__version__}))


def versions() -> dict[str, str]:
    import jax

    return {'jax': jax.__version__, 'jax devices': ', '.join(device.device_kind for device in jax.devices())}


def main() -> None:
    options = task_options(__doc__)
    options.add_argument('--export', metavar='FILE')
    options.add_argument('--mode', choices=MODES, default=MODES[0], help='of --export')
    arguments = options.parse_args()
    # Read when JAX is imported. XLA on CPUs takes as many threads as it may run on.
    os.environ.setdefault('JAX_PLATFORMS', 'cuda' if arguments.device == 'gpu' else 'cpu')
    if arguments.device == 'cpu':
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: arguments.threads])
    if arguments.export is not None:
        return export_step(arguments.mode, arguments)
    serve_requests(MODES, versions, lambda mode: build_step(mode, arguments), queued=True)


if __name__ == '__main__':
    main()
