"""The binary archives of CIFAR-10: reading any, writing small ones byte for byte the same each time."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

FOLDER = 'cifar-10-batches-bin'
TRAIN_FILES = [f'data_batch_{number}.bin' for number in range(1, 6)]
TEST_FILE = 'test_batch.bin'
CLASS_NAMES = ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck']
IMAGE_BYTES = 3 * 32 * 32

# Of the official training set; native-ensemble's constants for `cifar10`.
MEAN = (0.4914, 0.4822, 0.4465)
STD = (0.2023, 0.1994, 0.2010)


class Split(NamedTuple):
    images: np.ndarray
    """[count, 3, 32, 32] uint8."""
    labels: np.ndarray
    """[count] int64."""


def write_archive(path: Path, train: Split, test: Split) -> None:
    """Spreads the training images over the five files in order. A record is a label byte, then the three planes."""
    files = {f'{FOLDER}/batches.meta.txt': ('\n'.join(CLASS_NAMES) + '\n\n').encode()}
    per_file = len(train.labels) // len(TRAIN_FILES)
    for index, name in enumerate(TRAIN_FILES):
        rows = slice(index * per_file, (index + 1) * per_file)
        files[f'{FOLDER}/{name}'] = records(Split(train.images[rows], train.labels[rows]))
    files[f'{FOLDER}/{TEST_FILE}'] = records(test)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode='w', format=tarfile.USTAR_FORMAT) as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)  # mtime and owner 0
            entry.size, entry.mode = len(content), 0o644
            archive.addfile(entry, io.BytesIO(content))
    path.write_bytes(gzip.compress(packed.getvalue(), compresslevel=9, mtime=0))


def records(split: Split) -> bytes:
    columns = [split.labels.astype(np.uint8).reshape(-1, 1), split.images.reshape(-1, IMAGE_BYTES)]
    return np.concatenate(columns, axis=1).tobytes()


def read_archive(path: Path) -> tuple[Split, Split]:
    """Training images in the order of the files, and test images."""
    with tarfile.open(path) as archive:

        def read(name: str) -> np.ndarray:
            member = archive.extractfile(f'{FOLDER}/{name}')
            if member is None:
                raise ValueError(f'Expected {FOLDER}/{name} in {path} but found no such file')
            return np.frombuffer(member.read(), np.uint8).reshape(-1, 1 + IMAGE_BYTES)

        train = split_of(np.concatenate([read(name) for name in TRAIN_FILES]))
        return train, split_of(read(TEST_FILE))


def split_of(rows: np.ndarray) -> Split:
    return Split(rows[:, 1:].reshape(-1, 3, 32, 32).copy(), rows[:, 0].astype(np.int64))
