"""PyTorch's training step of ONE as a resident process: a line of JSON in, a line of JSON out (docs/baselines.md)."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from step_baseline import serve_requests, task_options

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'scripts' / 'pytorch'))

from networks import build_network  # noqa: E402 (found by the path above)
from objective import objective  # noqa: E402

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
    parser = task_options(__doc__)
    parser.add_argument('--block', default='auto')
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    on_gpu = arguments.device == 'gpu'

    def versions() -> dict[str, str]:
        found = {'python': sys.version.split()[0], 'torch': torch.__version__}
        if on_gpu:
            return found | {'gpu': torch.cuda.get_device_name(), 'cuda': str(torch.version.cuda)}
        return found | {'torch instructions': torch.backends.cpu.get_cpu_capability()}

    serve_requests(MODES, versions, lambda mode: build_step(mode, arguments), queued=on_gpu)


if __name__ == '__main__':
    main()
