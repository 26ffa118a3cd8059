"""JAX's training step of ONE as a resident process: a line of JSON in, a line of JSON out (docs/peers.md).

One jit-compiled function takes weights, momentum and running averages, which it may overwrite (donated), and a batch of
bytes on the device; it normalises, runs forward and backward and updates. A mode is built and run three times before it
is measured first.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import time
from collections.abc import Callable

WARM_UP_STEPS = 3
MODES = ('fp32-jit', 'bf16-jit')
LEARNING_RATE, MOMENTUM, WEIGHT_DECAY, TEMPERATURE = 0.1, 0.9, 1e-4, 3.0


def build_step(mode: str, arguments: argparse.Namespace) -> Callable:
    """A function that starts one whole training step on the same batch each time and returns its loss, still on the device."""
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

    compiled = jax.jit(update, donate_argnums=(0, 1, 2))

    def step():
        *state[:], loss = compiled(*state, images, labels)
        return loss

    return step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--network', default='resnet-32')
    parser.add_argument('--side', type=int, default=32)
    parser.add_argument('--branches', type=int, default=3)
    parser.add_argument('--classes', type=int, default=100)
    parser.add_argument('--batch', type=int, default=128)
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('--device', choices=('cpu', 'gpu'), default='cpu')
    arguments = parser.parse_args()
    # Read when JAX is imported. XLA on CPUs takes as many threads as it may run on.
    os.environ.setdefault('JAX_PLATFORMS', 'cuda' if arguments.device == 'gpu' else 'cpu')
    if arguments.device == 'cpu':
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: arguments.threads])
    steps: dict[str, Callable] = {}
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line), steps, arguments)), flush=True)


def answer(request: dict, steps: dict[str, Callable], arguments: argparse.Namespace) -> dict:
    if 'modes' in request:
        import jax

        kinds = ', '.join(device.device_kind for device in jax.devices())
        return {'modes': list(MODES), 'versions': {'jax': jax.__version__, 'jax devices': kinds}}
    mode = request.get('measure')
    if mode not in MODES:
        return {'error': f'Expected one of {", ".join(MODES)} for the mode but received {mode}'}
    try:
        if mode not in steps:
            step = build_step(mode, arguments)
            for _ in range(WARM_UP_STEPS):
                float(step())
            steps[mode] = step
        float(steps[mode]())  # uncounted: the caches hold another peer's data
        # Steps are queued on the device as in training: a step's time is that of all over their number.
        begin = time.perf_counter()
        for _ in range(request['steps']):
            loss = steps[mode]()
        loss = float(loss)
        milliseconds = (time.perf_counter() - begin) * 1000 / request['steps']
    except Exception as error:  # told to the benchmark: the other modes go on
        return {'error': f'{mode}: {type(error).__name__}: {str(error)[:500]}'}
    # ru_maxrss is in KiB on Linux, in bytes on macOS.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == 'darwin' else 1024)
    return {'mode': mode, 'ms': [milliseconds] * request['steps'], 'loss': loss, 'peakRssBytes': peak}


if __name__ == '__main__':
    main()
