"""Small pictures that a network can learn: per class a shape in a colour of its own on a smooth two-colour ground."""

from __future__ import annotations

import numpy as np

from cifar_archive import Split

CLASSES = 10
SIZE = 32
SHAPES = ('disc', 'square', 'ring', 'cross', 'stripes')


def draw_split(count: int, seed: int) -> Split:
    """Labels go round through the classes in a shuffled order; numpy's RandomState stream is frozen across versions."""
    random = np.random.RandomState(seed)
    labels = random.permutation(np.arange(count) % CLASSES).astype(np.int64)
    return Split(np.stack([draw_image(random, int(label)) for label in labels]), labels)


def draw_image(random: np.random.RandomState, label: int) -> np.ndarray:
    """[3, 32, 32] uint8; class k has shape k mod 5, and a warm (k < 5) or cold colour."""
    rows, columns = np.mgrid[0:SIZE, 0:SIZE] / (SIZE - 1)
    corner, opposite = random.uniform(0.1, 0.8, (2, 3, 1, 1))
    angle = random.uniform(0, 2 * np.pi)
    slope = 0.5 + 0.35 * (np.cos(angle) * (columns - 0.5) + np.sin(angle) * (rows - 0.5)) * 2
    ground = corner * slope + opposite * (1 - slope)
    centre_row, centre_column = random.uniform(0.35, 0.65, 2)
    radius = random.uniform(0.2, 0.3)
    distance = signed_distance(SHAPES[label % 5], rows - centre_row, columns - centre_column, radius)
    # An edge of two pixels instead of a step: smooth as a photograph's.
    cover = np.clip(0.5 - distance * SIZE / 2, 0, 1)
    warm = np.array([0.95, 0.45, 0.1]) if label < 5 else np.array([0.1, 0.5, 0.95])
    colour = np.clip(warm + random.uniform(-0.15, 0.15, 3), 0, 1).reshape(3, 1, 1)
    return np.rint(255 * (cover * colour + (1 - cover) * ground)).astype(np.uint8)


def signed_distance(shape: str, y: np.ndarray, x: np.ndarray, radius: float) -> np.ndarray:
    """Below 0 inside the shape; in units of the image's side."""
    if shape == 'disc':
        return np.hypot(x, y) - radius
    if shape == 'square':
        return np.maximum(np.abs(x), np.abs(y)) - 0.85 * radius
    if shape == 'ring':
        return np.abs(np.hypot(x, y) - radius) - 0.06
    if shape == 'cross':
        return np.maximum(np.minimum(np.abs(x), np.abs(y)) - 0.06, np.maximum(np.abs(x), np.abs(y)) - radius)
    return np.maximum(np.abs(np.mod(x + 2, 0.2) - 0.1) - 0.05, np.hypot(x, y) - 1.2 * radius)
