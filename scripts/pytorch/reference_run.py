"""Trains a network for a few steps in PyTorch and writes down all that another trainer can be compared with."""

from __future__ import annotations

import argparse
import json
import re
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from branching import Outputs
from cifar_archive import MEAN, STD, Split, read_archive
from methods import build_for_method, checkpoint_name
from networks import BLOCK_KINDS
from objective import (
    LossParts,
    collaborative_objective,
    decoupled_objective,
    distilled_objective,
    kdcl_objective,
    diverse_peers_objective,
    mutual_objective,
    objective,
    undistilled_objective,
)

CLASSES = 10
STARTS = ('steady', 'plain')


@dataclass(frozen=True)
class RunOptions:
    network: str
    block: str
    branches: int
    batch: int = 16
    steps: int = 10
    learning_rate: float = 0.03
    momentum: float = 0.9
    weight_decay: float = 1e-4
    no_decay: str = ''
    """`norm,bias`: groups of parameters without weight decay."""
    label_smoothing: float = 0.0
    clip_norm: float = 0.0
    """Largest norm of all gradients; 0 = as they are."""
    temperature: float = 3.0
    distillation_weight: float = 1.0
    seed: int = 0
    start: str = 'steady'
    method: str = 'one'
    distill: str = 'on'
    share: str = 'low'
    gate: str = 'learned'
    peers: str = ''
    teacher_network: str = ''
    alpha: float = 0.9
    dkd_alpha: float = 1.0
    dkd_beta: float = 8.0
    kdcl_target: str = 'min-logit'


@dataclass
class Run:
    """One run in one arithmetic; a row of `losses` is a step's, all before its update."""

    network: nn.Module
    losses: list[dict]
    gradient_norms: dict[str, float]
    """L2 norm of each parameter's gradient of the first step, weight decay not added yet."""


def use_repeatable_arithmetic() -> None:
    """One thread: the order of PyTorch's sums depends on the number of threads."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    # Switching oneDNN off for a moment brings a note about Intel GPUs.
    warnings.filterwarnings('ignore', message='TF32 acceleration')


def saved_state(network: torch.nn.Module) -> dict[str, Tensor]:
    """Weights and running statistics under the names of native-ensemble's checkpoints."""
    state = network.state_dict()
    kept = {name: tensor for name, tensor in state.items() if not name.endswith('num_batches_tracked')}
    return {checkpoint_name(name): tensor.clone() for name, tensor in kept.items()}


def load_state(network: torch.nn.Module, state: dict[str, Tensor]) -> None:
    """The reverse of saved_state."""
    own = [name for name in network.state_dict() if not name.endswith('num_batches_tracked')]
    network.load_state_dict({name: state[checkpoint_name(name)] for name in own}, strict=False)


def loss_parts(options: RunOptions, outputs: Outputs, labels: Tensor) -> LossParts:
    match options.method:
        case 'dml':
            return mutual_objective(outputs, labels)
        case 'kd':
            return distilled_objective(outputs, labels, options.temperature, options.alpha)
        case 'dkd':
            return decoupled_objective(
                *(outputs, labels, options.temperature),
                *(options.dkd_alpha, options.dkd_beta, options.distillation_weight),
            )
        case 'cl-ilr':
            return collaborative_objective(outputs, labels, options.temperature, options.alpha)
        case 'kdcl':
            return kdcl_objective(outputs, labels, options.temperature, options.kdcl_target)
        case 'okddip':
            return diverse_peers_objective(outputs, labels, options.temperature, options.distillation_weight)
        case 'ensemble':
            return undistilled_objective(outputs, labels, teacher_learns=False)
    if options.distill == 'off':
        return undistilled_objective(outputs, labels, teacher_learns=True)
    return objective(
        outputs, labels, options.temperature, options.distillation_weight, options.label_smoothing
    )


def normalise(images: np.ndarray, dtype: torch.dtype) -> Tensor:
    """[count, 3, h, w] uint8 -> (pixel / 255 - mean) / std of each channel."""
    pixels = torch.from_numpy(images).to(dtype)
    mean, std = (torch.tensor(values, dtype=dtype).reshape(1, 3, 1, 1) for values in (MEAN, STD))
    return (pixels / 255 - mean) / std


def initial_state(options: RunOptions, data: Split) -> dict[str, Tensor]:
    """Drawn weights; `plain` = as a training begins, `steady` = batch norms set so that rounding does not grow.

    From the plain start some of the hundred thousands of ReLU inputs lie within rounding of 0 at every step. One that
    falls on the other side changes gradients, and ten steps make up to 1e-2 of the loss of it, between two correct
    programs and between fp32 and fp64 of one. With shifts of 1.5 to 3.5 scales few inputs are cut and hardly any is
    near 0; the arithmetic of every layer still counts, and scales, shifts and statistics all differ from 1 and 0.
    """
    torch.manual_seed(options.seed)
    network = build_for_method(options, CLASSES)
    if options.start == 'steady':
        for norm in batch_norms(network):
            in_gate = isinstance(norm, nn.BatchNorm1d)
            nn.init.uniform_(norm.weight, *((0.5, 1.0) if in_gate else (0.1, 0.2)))
            with torch.no_grad():
                norm.bias.uniform_(1.5, 3.5).mul_(norm.weight)
        # A teacher of distillation sees the images first, as one that learns, then only predicts.
        for trained in [network.teacher, network] if options.method in ('kd', 'dkd') else [network]:
            set_running_statistics(trained, data, options.batch)
    return saved_state(network)


def batch_norms(network: nn.Module) -> list[nn.BatchNorm1d | nn.BatchNorm2d]:
    return [module for module in network.modules() if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d)]


@torch.no_grad()
def set_running_statistics(network: nn.Module, data: Split, batch: int) -> None:
    """To their mean over all batches: after ten steps a running average still holds a third of its initial 0 or 1."""
    for norm in batch_norms(network):
        norm.momentum = None  # PyTorch's sign for the mean over all calls
    network.train()
    for first in range(0, len(data.labels) - batch + 1, batch):
        network(normalise(data.images[first : first + batch], torch.float32))


def parameter_groups(options: RunOptions, network: nn.Module) -> list[dict]:
    """Two of torch.optim's groups: with the run's weight decay, and with none."""
    spared = options.no_decay.split(',')
    groups: dict[bool, list[nn.Parameter]] = {True: [], False: []}
    for module in network.modules():
        norm = isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d)
        for name, parameter in module.named_parameters(recurse=False):
            kind = 'norm' if norm else name
            if parameter.requires_grad:
                groups[kind not in spared].append(parameter)
    return [{'params': groups[True]}, {'params': groups[False], 'weight_decay': 0.0}]


def train(options: RunOptions, initial: dict[str, Tensor], data: Split, dtype: torch.dtype) -> Run:
    """SGD with Nesterov momentum over the images in their order, round and round, weight decay as the options say."""
    network = build_for_method(options, CLASSES)
    load_state(network, initial)
    network.to(dtype).train()
    optimiser = torch.optim.SGD(
        parameter_groups(options, network),
        options.learning_rate,
        options.momentum,
        weight_decay=options.weight_decay,
        nesterov=True,
    )
    run = Run(network, [], {})
    batches = len(data.labels) // options.batch
    for step in range(options.steps):
        rows = slice(step % batches * options.batch, (step % batches + 1) * options.batch)
        outputs = network(normalise(data.images[rows], dtype))
        labels = torch.from_numpy(data.labels[rows])
        parts = loss_parts(options, outputs, labels)
        optimiser.zero_grad()
        parts.total.backward()
        if step == 0:
            run.gradient_norms = {
                checkpoint_name(name): p.grad.norm().item() for name, p in network.named_parameters() if p.requires_grad
            }
        run.losses.append(
            {
                'total': parts.total.item(),
                'crossEntropy': [loss.item() for loss in parts.cross_entropy],
                'teacherCrossEntropy': None if parts.teacher is None else parts.teacher.item(),
                'distillation': None if parts.distillation is None else parts.distillation.item(),
            }
        )
        if options.clip_norm > 0:
            nn.utils.clip_grad_norm_(network.parameters(), options.clip_norm)
        optimiser.step()
    return run


@torch.no_grad()
def evaluate(network: nn.Module, data: Split, shown: int) -> dict:
    """Errors on all images with running statistics, and the outputs for the first `shown` images."""
    network.eval()
    outputs: Outputs = network(normalise(data.images, next(network.parameters()).dtype))
    labels = torch.from_numpy(data.labels)
    classifiers = outputs.branches if outputs.teacher is None else [*outputs.branches, outputs.teacher]
    margins = [logits.topk(2, dim=1).values for logits in classifiers]
    return {
        'images': len(labels),
        'top1Errors': [wrong_in_top(logits, labels, 1) for logits in outputs.branches],
        'top5Errors': [wrong_in_top(logits, labels, 5) for logits in outputs.branches],
        'teacherTop1Errors': None if outputs.teacher is None else wrong_in_top(outputs.teacher, labels, 1),
        'teacherTop5Errors': None if outputs.teacher is None else wrong_in_top(outputs.teacher, labels, 5),
        # An error count can only differ where another arithmetic moves logits by half of this.
        'smallestTop1Margin': min((top[:, 0] - top[:, 1]).min().item() for top in margins),
        'shownImages': shown,
        'logits': [logits[:shown].tolist() for logits in outputs.branches],
        'teacherLogits': None if outputs.teacher is None else outputs.teacher[:shown].tolist(),
        'gate': None if outputs.gate is None else outputs.gate[:shown].tolist(),
    }


def wrong_in_top(logits: Tensor, labels: Tensor, places: int) -> int:
    """Images whose class is not among the first `places`."""
    return (logits.topk(places, dim=1).indices != labels.unsqueeze(1)).all(1).sum().item()


def drift(singles: list[Run], double: Run) -> dict:
    """How far fp32 goes from fp64 in PyTorch itself, at most: no comparison can ask for less than this."""
    losses = [
        abs(mine['total'] - exact['total']) / abs(exact['total'])
        for single in singles
        for mine, exact in zip(single.losses, double.losses)
    ]
    states = [saved_state(single.network) for single in singles]
    weights = {
        name: max((state[name].double() - exact).abs().max().item() for state in states) / exact.abs().max().item()
        for name, exact in saved_state(double.network).items()
    }
    worst = max(weights, key=lambda name: weights[name])
    return {'lossRelative': max(losses), 'weightsOfScale': weights[worst], 'worstWeight': worst}


def method_settings(options: RunOptions) -> dict:
    """What some runs have beside; only what is not as usual, so that the files of ONE and vanilla stay."""
    usual = RunOptions('', '', 1)
    names = {
        'teacher_network': 'teacherNetwork',
        'label_smoothing': 'labelSmoothing',
        'no_decay': 'noDecay',
        'clip_norm': 'clipNorm',
        'dkd_alpha': 'dkdAlpha',
        'dkd_beta': 'dkdBeta',
    } | {name: name for name in ('distill', 'share', 'gate', 'peers')}
    own = {name: getattr(options, name) for name in names if getattr(options, name) != getattr(usual, name)}
    if options.method == 'kdcl':
        own['kdclTarget'] = options.kdcl_target
    alpha = {'alpha': options.alpha} if options.method in ('kd', 'cl-ilr') else {}
    return {names.get(name, name): value for name, value in own.items()} | alpha


def write_reference_run(folder: Path, name: str, options: RunOptions, train_split: Split, test_split: Split) -> dict:
    """Writes <name>.init.safetensors, <name>.final.safetensors and <name>.json; returns the drift."""
    initial = initial_state(options, train_split)
    single = train(options, initial, train_split, torch.float32)
    with torch.backends.mkldnn.flags(enabled=False):  # PyTorch's own convolutions: another order of the same sums
        other_single = train(options, initial, train_split, torch.float32)
    double = train(options, initial, train_split, torch.float64)
    apart = drift([single, other_single], double)
    save_file(initial, folder / f'{name}.init.safetensors')
    save_file(saved_state(single.network), folder / f'{name}.final.safetensors')
    record = {
        'torch': torch.__version__,
        'config': {
            'network': options.network,
            'depth': int(re.search(r'\d+', options.network)[0]),
            'block': options.block,
            'method': 'vanilla' if options.method == 'one' and options.branches == 1 else options.method,
            'branches': options.branches,
            'classes': CLASSES,
            'batch': options.batch,
            'steps': options.steps,
            'learningRate': options.learning_rate,
            'momentum': options.momentum,
            'nesterov': True,
            'weightDecay': options.weight_decay,
            'temperature': options.temperature,
            'distillationWeight': options.distillation_weight,
            'rampUp': 0,
            'schedule': 'constant',
            'mean': MEAN,
            'std': STD,
            'augment': 'none',
            'shuffle': 'none',
            'precision': 'fp32',
            'seed': options.seed,
            'start': options.start,
            **method_settings(options),
        },
        'steps': single.losses,
        'float64Steps': double.losses,
        'float32Drift': apart,
        'firstStepGradientNorms': single.gradient_norms,
        'evaluation': evaluate(single.network, test_split, min(options.batch, len(test_split.labels))),
    }
    (folder / f'{name}.json').write_text(json.dumps(record, indent=1) + '\n')
    return apart


def main() -> None:
    defaults = asdict(RunOptions('resnet-8', 'auto', 3))
    parser = argparse.ArgumentParser(
        description=f'{__doc__} Compare: native-ensemble train --init <name>.init.safetensors --augment none '
        '--shuffle none --log-every 1 with the same options.',
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument('data', type=Path, help='CIFAR-10 binary archive (cifar-10-binary.tar.gz)')
    parser.add_argument('--out', type=Path, default=Path('.'), help='folder of the files written')
    parser.add_argument('--name', default='reference', help="first part of the files' names")
    for option, value in defaults.items():
        choices = {'block': ('auto', *BLOCK_KINDS), 'start': STARTS}.get(option)
        parser.add_argument(f'--{option.replace("_", "-")}', type=type(value), default=value, choices=choices)
    arguments = vars(parser.parse_args())
    options = RunOptions(**{option: arguments[option] for option in defaults})
    print(f'torch {torch.__version__}, numpy {np.__version__}')
    use_repeatable_arithmetic()
    arguments['out'].mkdir(parents=True, exist_ok=True)
    print(write_reference_run(arguments['out'], arguments['name'], options, *read_archive(arguments['data'])))


if __name__ == '__main__':
    main()
