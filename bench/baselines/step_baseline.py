"""What the baselines in Python have in common: the task's options and the dialogue (docs/baselines.md).

{"modes": true} -> {"modes": [...], "versions": {...}}; {"measure": mode, "steps": n} -> {"mode", "ms": [n times],
"loss", "peakRssBytes"}. A mode is built and run three times before it is measured first.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable, Collection
from typing import SupportsFloat

WARM_UP_STEPS = 3

# Starts one whole training step on the same batch each time; its loss may still be computed, and is waited for as a float.
Step = Callable[[], SupportsFloat]


def task_options(description: str | None) -> argparse.ArgumentParser:
    """The options of the training step that all baselines run."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--network', default='resnet-32')
    parser.add_argument('--side', type=int, default=32)
    parser.add_argument('--branches', type=int, default=3)
    parser.add_argument('--classes', type=int, default=100)
    parser.add_argument('--batch', type=int, default=128)
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('--device', choices=('cpu', 'gpu'), default='cpu')
    return parser


def serve_requests(
    modes: Collection[str], versions: Callable[[], dict[str, str]], build_step: Callable[[str], Step], queued: bool
) -> None:
    """Answers each line of standard input by one of standard output until the input ends; a failure is an answer too.

    queued: steps are started one after the other as in training, and a step's time is that of all over their number.
    """
    steps: dict[str, Step] = {}

    def answer(request: dict) -> dict:
        if 'modes' in request:
            return {'modes': list(modes), 'versions': versions()}
        mode = request.get('measure')
        if mode not in modes:
            return {'error': f'Expected one of {", ".join(modes)} for the mode but received {mode}'}
        try:
            if mode not in steps:
                step = build_step(mode)
                for _ in range(WARM_UP_STEPS):
                    float(step())
                steps[mode] = step
            float(steps[mode]())  # uncounted: the caches hold another baseline's data
            milliseconds, loss = (time_all if queued else time_each)(steps[mode], request['steps'])
        except Exception as error:  # told to the benchmark: the other modes go on
            return {'error': f'{mode}: {type(error).__name__}: {str(error)[:500]}'}
        # ru_maxrss is in KiB on Linux, in bytes on macOS.
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == 'darwin' else 1024)
        return {'mode': mode, 'ms': milliseconds, 'loss': loss, 'peakRssBytes': peak}

    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)


def time_all(step: Step, count: int) -> tuple[list[float], float]:
    """Mean time of steps in ms, once for each, and the last one's loss."""
    begin = time.perf_counter()
    for _ in range(count):
        loss = step()
    last = float(loss)
    return [(time.perf_counter() - begin) * 1000 / count] * count, last


def time_each(step: Step, count: int) -> tuple[list[float], float]:
    """Time of each step in ms, and the last one's loss."""
    milliseconds = []
    for _ in range(count):
        begin = time.perf_counter()
        loss = float(step())
        milliseconds.append((time.perf_counter() - begin) * 1000)
    return milliseconds, loss
