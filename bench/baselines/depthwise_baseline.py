"""PyTorch's convolutions of single channels as a resident process: a line of JSON in, a line of JSON out (docs/baselines.md).

{"modes": true} -> {"modes": [...], "versions": {...}}; {"measure": mode, "layer": {"channels", "size", "kernel", "stride"},
"steps": n} -> {"forward": [n times in ms], "input": [...], "filter": [...]}: the convolution and its two gradients.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable

import torch
from torch import Tensor

MODES = {
    'fp32': (torch.float32, torch.contiguous_format),
    'fp32-channels-last': (torch.float32, torch.channels_last),
    'bf16': (torch.bfloat16, torch.contiguous_format),
    'bf16-channels-last': (torch.bfloat16, torch.channels_last),
}


def passes(mode: str, layer: dict, batch: int) -> dict[str, Callable[[], object]]:
    dtype, memory_format = MODES[mode]
    channels, size, kernel, stride = (layer[name] for name in ('channels', 'size', 'kernel', 'stride'))
    padding = kernel // 2

    def drawn(*shape: int) -> Tensor:
        return torch.randn(shape).to(dtype).contiguous(memory_format=memory_format)

    x, w = drawn(batch, channels, size, size), drawn(channels, 1, kernel, kernel)
    geometry = ([stride, stride], [padding, padding], [1, 1])

    def forward() -> Tensor:
        return torch.nn.functional.conv2d(x, w, None, *geometry, channels)

    dy = torch.randn_like(forward())

    def gradient(*mask: bool) -> Callable[[], object]:
        return lambda: torch.ops.aten.convolution_backward(
            dy, x, w, None, *geometry, False, [0, 0], channels, [*mask, False]
        )

    return {'forward': forward, 'input': gradient(True, False), 'filter': gradient(False, True)}


def times(run: Callable[[], object], count: int) -> list[float]:
    """Milliseconds of each run after an uncounted one."""
    run()
    milliseconds = []
    for _ in range(count):
        begin = time.perf_counter()
        run()
        milliseconds.append((time.perf_counter() - begin) * 1000)
    return milliseconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--batch', type=int, default=32)
    parser.add_argument('--threads', type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)

    def answer(request: dict) -> dict:
        if 'modes' in request:
            versions = {'torch': torch.__version__, 'torch instructions': torch.backends.cpu.get_cpu_capability()}
            return {'modes': list(MODES), 'versions': versions}
        try:
            runs = passes(request['measure'], request['layer'], arguments.batch)
            return {name: times(run, request['steps']) for name, run in runs.items()}
        except Exception as error:  # told to the benchmark: the other modes go on
            return {'error': f'{request["measure"]}: {type(error).__name__}: {str(error)[:500]}'}

    with torch.no_grad():
        for line in sys.stdin:
            print(json.dumps(answer(json.loads(line))), flush=True)


if __name__ == '__main__':
    main()
