"""Writes test/fixtures/mat: small MATLAB 5 files in the formats of SVHN and of ILSVRC2012's devkit.

    python3 scripts/scipy/write_mat_fixtures.py

Needs numpy and scipy. Pixel (row, column, channel) of image n is (31 n + 7 row + 3 column + 101 channel) mod 256, the
same formula as in test/datasets/svhn.test.ts.
"""

from pathlib import Path

import numpy as np
from scipy.io import savemat

FOLDER = Path(__file__).resolve().parents[2] / "test" / "fixtures" / "mat"


def digits(first: int, labels: list[int], label_type: type = np.uint8) -> dict:
    row, column, channel, image = np.meshgrid(
        np.arange(32), np.arange(32), np.arange(3), first + np.arange(len(labels)), indexing="ij"
    )
    pixels = (31 * image + 7 * row + 3 * column + 101 * channel) % 256
    return {"X": pixels.astype(np.uint8), "y": np.array(labels, label_type).reshape(-1, 1)}


def synsets() -> np.ndarray:
    """Four leaves and one inner node, ids not in the order of the WordNet ids, as in the devkit."""
    rows = [
        (1, "n00000004", "crane", 0),
        (2, "n00000002", "tench, Tinca tinca", 0),
        (3, "n00000003", "crane, bird", 0),
        (4, "n00000001", "Schloß Neuschwanstein", 0),
        (5, "n00000009", "entity", 4),
    ]
    kinds = [
        ("ILSVRC2012_ID", "O"),
        ("WNID", "O"),
        ("words", "O"),
        ("gloss", "O"),
        ("num_children", "O"),
        ("children", "O"),
        ("wordnet_height", "O"),
        ("num_train_images", "O"),
    ]
    table = np.zeros((len(rows), 1), dtype=kinds)
    for index, (number, wordnet_id, words, children) in enumerate(rows):
        under = np.arange(1, children + 1, dtype=np.float64)
        table[index, 0] = (float(number), wordnet_id, words, "a " + words, float(children), under, 0.0, 1300.0)
    return table


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    savemat(FOLDER / "train_32x32.mat", digits(0, [1, 10, 9, 5, 2]), do_compression=True)
    savemat(FOLDER / "extra_32x32.mat", digits(5, [10, 3, 7] * 100, np.float64), do_compression=True)
    savemat(FOLDER / "test_32x32.mat", digits(100, [4, 10]), do_compression=False)
    savemat(FOLDER / "label-11.mat", digits(0, [1, 11]), do_compression=True)
    savemat(FOLDER / "grey.mat", {"X": np.zeros((32, 32, 4), np.uint8), "y": np.ones((4, 1), np.uint8)})
    savemat(FOLDER / "doubles.mat", {"X": np.zeros((32, 32, 3, 2)), "y": np.ones((2, 1), np.uint8)})
    savemat(FOLDER / "one-label-less.mat", {**digits(0, [1, 2]), "y": np.ones((1, 1), np.uint8)}, do_compression=True)
    savemat(FOLDER / "meta.mat", {"synsets": synsets()}, do_compression=True)
    # scipy writes the time into the first 116 bytes, which are free text: without it the files stay the same.
    for path in FOLDER.glob("*.mat"):
        contents = path.read_bytes()
        path.write_bytes(b"MATLAB 5.0 MAT-file, written by scipy".ljust(116) + contents[116:])


if __name__ == "__main__":
    main()
