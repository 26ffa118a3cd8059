"""Writes what PyTorch computes into test/fixtures/pytorch: the tests compare native-ensemble with it.

Needs `pip install torch==2.13.0 torchvision==0.28.0 numpy safetensors`. Running it again with the same versions writes the same bytes.
"""

from __future__ import annotations

import argparse
import json
import platform
from pathlib import Path

import numpy as np
import safetensors
import torch
from safetensors.torch import save_file

from cifar_archive import read_archive, write_archive
from drawn_images import draw_split
from op_cases import op_cases
from optimizer_runs import write_optimizer_runs
from reference_run import RunOptions, use_repeatable_arithmetic, write_reference_run
from torchvision_runs import write_torchvision_runs

FIXTURES = Path(__file__).resolve().parents[2] / 'test' / 'fixtures' / 'pytorch'
ARCHIVE = 'tiny-cifar-10-binary.tar.gz'
TRAIN_IMAGES, TEST_IMAGES = 160, 40
SMALL, SMALLER, WIDER = 'densenet-bc-10-12', 'densenet-bc-10-6', 'densenet-bc-10-16'
# Seeds of 1 to 8 with little drift between fp32 and fp64, and no test image on the edge between two classes.
RUNS = {
    'one-resnet8': RunOptions('resnet-8', 'basic', branches=3, seed=7),
    'vanilla-resnet8': RunOptions('resnet-8', 'basic', branches=1, seed=4),
    'one-resnet8-bottleneck': RunOptions('resnet-8', 'bottleneck', branches=3, learning_rate=0.01, seed=2),
    'one-resnext11': RunOptions('resnext-11-2x4d-widen1', 'auto', branches=3, learning_rate=0.01, seed=3),
    'one-densenet16': RunOptions('densenet-bc-16-12', 'auto', branches=3, learning_rate=0.01, seed=3),
    'vanilla-densenet10': RunOptions('densenet-bc-10-12', 'auto', branches=1, learning_rate=0.01, seed=5),
    'one-wrn10': RunOptions('wrn-10-1', 'auto', branches=3, learning_rate=0.01, seed=4),
    'vanilla-wrn16': RunOptions('wrn-16-1', 'auto', branches=1, learning_rate=0.01, seed=1),
    **{
        name: RunOptions(SMALL, 'auto', learning_rate=0.01, seed=8, **own)
        for name, own in {
            'one-undistilled': {'branches': 2, 'distill': 'off'},
            'one-unshared': {'branches': 2, 'share': 'none'},
            'one-ingredients': {
                'branches': 2,
                'label_smoothing': 0.1,
                'weight_decay': 0.05,
                'no_decay': 'norm,bias',
                'clip_norm': 1.0,
            },
            'one-ungated': {'branches': 3, 'gate': 'average'},
            'dml-densenets': {'branches': 1, 'method': 'dml', 'peers': f'{SMALL},{SMALL},{SMALLER}'},
            'kd-densenet10': {'branches': 1, 'method': 'kd', 'teacher_network': WIDER, 'alpha': 0.7},
            'dkd-densenet10': {
                **{'branches': 1, 'method': 'dkd', 'teacher_network': WIDER},
                **{'temperature': 4.0, 'dkd_alpha': 0.8, 'dkd_beta': 2.5},
            },
            'cl-ilr-densenet10': {'branches': 3, 'method': 'cl-ilr', 'alpha': 0.3, 'temperature': 2.0},
            'kdcl-naive': {'branches': 1, 'method': 'kdcl', 'peers': f'{SMALL},{SMALLER}', 'kdcl_target': 'naive'},
            'kdcl-min-logit': {'branches': 1, 'method': 'kdcl', 'peers': f'{SMALL},{SMALL},{SMALLER}'},
            'okddip-densenet10': {'branches': 4, 'method': 'okddip'},
            'okddip-networks': {'branches': 3, 'method': 'okddip', 'share': 'none'},
            'ensemble-densenets': {'branches': 1, 'method': 'ensemble', 'peers': f'{SMALL},{SMALLER}'},
        }.items()
    },
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--out', type=Path, default=FIXTURES, help='folder (default: test/fixtures/pytorch)')
    parser.add_argument('--runs', nargs='+', choices=RUNS, help='write only these runs, from the archive that is there')
    arguments = parser.parse_args()
    folder: Path = arguments.out
    versions = {
        'python': platform.python_version(),
        'torch': torch.__version__,
        'numpy': np.__version__,
        'safetensors': safetensors.__version__,
    }
    print(' '.join(f'{name} {version}' for name, version in versions.items()))
    use_repeatable_arithmetic()
    folder.mkdir(parents=True, exist_ok=True)

    if arguments.runs is None:
        write_archive(folder / ARCHIVE, draw_split(TRAIN_IMAGES, seed=101), draw_split(TEST_IMAGES, seed=102))
    train_split, test_split = read_archive(folder / ARCHIVE)
    for name in arguments.runs or RUNS:
        print(name, write_reference_run(folder, name, RUNS[name], train_split, test_split))
    if arguments.runs is not None:
        return
    settings, tensors = op_cases(seed=7)
    save_file(tensors, folder / 'ops.safetensors')
    (folder / 'ops.json').write_text(json.dumps({'torch': torch.__version__, 'cases': settings}, indent=1) + '\n')
    write_optimizer_runs(folder)
    write_torchvision_runs(folder / 'torchvision.json')
    for path in sorted(folder.iterdir()):
        print(f'{path.stat().st_size:9d} {path.name}')


if __name__ == '__main__':
    main()
