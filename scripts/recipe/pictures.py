"""Pictures as arrays [n, 3, s, s] with values in [-1, 1], and grids of them."""

from pathlib import Path

import numpy as np
from PIL import Image


def read(folder: Path) -> tuple[np.ndarray, np.ndarray | None]:
    """All PNG files of a folder, and which sub-folder each lies in, counted from 0; None where there are none."""
    files = sorted(folder.rglob("*.png"))
    images = [np.asarray(Image.open(file).convert("RGB"), np.float32) / 127.5 - 1 for file in files]
    labels = [file.parent.name for file in files]
    distinct, numbers = np.unique(labels, return_inverse=True)
    return np.stack(images).transpose(0, 3, 1, 2), numbers if len(distinct) > 1 else None


def grid(images: np.ndarray, columns: int = 8, scale: int = 4) -> Image.Image:
    """Images in rows of `columns`, each pixel as scale x scale; what does not fill a row is left out."""
    rows, side = len(images) // columns, images.shape[-1]
    tiles = images[: rows * columns].reshape(rows, columns, 3, side, side).transpose(0, 3, 1, 4, 2)
    pixels = tiles.reshape(rows * side, columns * side, 3).clip(-1, 1) * 127.5 + 127.5
    return Image.fromarray(pixels.round().astype(np.uint8).repeat(scale, 0).repeat(scale, 1))
