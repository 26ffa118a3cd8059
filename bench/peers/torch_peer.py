"""PyTorch's training step of ONE as a resident process: a line of JSON in, a line of JSON out (docs/peers.md).

{"modes": true} -> {"modes": [...], "versions": {...}}; {"measure": mode, "steps": n} -> {"mode", "ms": [n times],
"loss", "peakRssBytes"}. A mode is built and run three times before it is measured first.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'scripts' / 'pytorch'))

from networks import build_network  # noqa: E402 (found by the path above)
from objective import objective  # noqa: E402

WARM_UP_STEPS = 3
MODES = {
    f'{precision}{layout}{compiled}': (precision, layout, compiled)
    for precision in ('fp32', 'bf16-autocast')
    for layout in ('', '-channels-last')
    for compiled in ('', '-compiled')
}


def build_step(mode: str, arguments: argparse.Namespace) -> Callable[[], torch.Tensor]:
    """One whole training step on the same batch each time: forward, backward, SGD; returns the loss, which a GPU may still compute.

    The images are normalised floats already, a little less work than a trainer's step that begins at bytes.
    """
    precision, layout, compiled = MODES[mode]
    torch.manual_seed(0)
    memory_format = torch.channels_last if layout else torch.contiguous_format
    network = build_network(arguments.network, arguments.block, arguments.branches, arguments.classes)
    device = 'cuda' if arguments.device == 'gpu' else 'cpu'
    network = network.to(device=device, memory_format=memory_format).train()
    # fused: one pass over weight, gradient and momentum; PyTorch's fastest SGD.
    optimiser = torch.optim.SGD(
        network.parameters(), 0.1, momentum=0.9, nesterov=True, weight_decay=1e-4, fused=True
    )
    images = torch.randn(arguments.batch, 3, arguments.side, arguments.side, device=device)
    images = images.contiguous(memory_format=memory_format)
    labels = torch.randint(0, arguments.classes, (arguments.batch,), device=device)

    def loss_of_batch() -> torch.Tensor:
        with torch.autocast(device, torch.bfloat16, enabled=precision == 'bf16-autocast'):
            outputs = network(images)
        outputs = outputs._replace(
            branches=[logits.float() for logits in outputs.branches],
            teacher=None if outputs.teacher is None else outputs.teacher.float(),
        )
        return objective(outputs, labels, 3.0, 1.0).total

    # On a GPU its mode of least overhead records CUDA graphs.
    mode_of_compiler = 'reduce-overhead' if device == 'cuda' else 'default'
    forward = torch.compile(loss_of_batch, mode=mode_of_compiler) if compiled else loss_of_batch

    def step() -> torch.Tensor:
        optimiser.zero_grad(set_to_none=True)
        loss = forward()
        loss.backward()
        optimiser.step()
        return loss.detach()

    return step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--network', default='resnet-32')
    parser.add_argument('--block', default='auto')
    parser.add_argument('--side', type=int, default=32)
    parser.add_argument('--branches', type=int, default=3)
    parser.add_argument('--classes', type=int, default=100)
    parser.add_argument('--batch', type=int, default=128)
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('--device', choices=('cpu', 'gpu'), default='cpu')
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    steps: dict[str, Callable[[], torch.Tensor]] = {}
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line), steps, arguments)), flush=True)


def answer(request: dict, steps: dict[str, Callable[[], torch.Tensor]], arguments: argparse.Namespace) -> dict:
    if 'modes' in request:
        versions = {'python': sys.version.split()[0], 'torch': torch.__version__}
        if arguments.device == 'gpu':
            versions |= {'gpu': torch.cuda.get_device_name(), 'cuda': str(torch.version.cuda)}
        return {'modes': list(MODES), 'versions': versions}
    mode = request['measure']
    if mode not in MODES:
        return {'error': f'Expected one of {", ".join(MODES)} for the mode but received {mode}'}
    try:
        if mode not in steps:
            step = build_step(mode, arguments)
            for _ in range(WARM_UP_STEPS):
                step()
            steps[mode] = step
        milliseconds, loss = [], steps[mode]().item()  # uncounted: the caches hold another peer's data
        if arguments.device == 'gpu':
            begin = time.perf_counter()
            for _ in range(request['steps']):
                result = steps[mode]()
            loss = result.item()
            milliseconds = [(time.perf_counter() - begin) * 1000 / request['steps']] * request['steps']
        else:
            for _ in range(request['steps']):
                begin = time.perf_counter()
                loss = steps[mode]().item()
                milliseconds.append((time.perf_counter() - begin) * 1000)
    except Exception as error:  # told to the benchmark: the other modes go on
        return {'error': f'{mode}: {type(error).__name__}: {str(error)[:500]}'}
    # ru_maxrss is in KiB on Linux, in bytes on macOS.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == 'darwin' else 1024)
    return {'mode': mode, 'ms': milliseconds, 'loss': loss, 'peakRssBytes': peak}


if __name__ == '__main__':
    main()
