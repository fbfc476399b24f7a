"""Training images: squares of one size, as the core reads them (src/format/picture.rs)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from . import Refused

ENDINGS = {".avif", ".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}


@dataclass(frozen=True)
class Pictures:
    """All images, held in memory: 3 bytes a pixel."""

    pixels: Tensor
    """`[n, 3, size, size]`, bytes."""
    labels: Tensor | None
    """The class of each, `[n]`; `None` for images without."""

    def __len__(self) -> int:
        return len(self.pixels)

    def at(self, indices: Tensor) -> Tensor:
        """Some of them, `[len(indices), 3, size, size]` in [-1, 1]."""
        return self.pixels[indices].float() / 127.5 - 1


def read(data: Sequence[str], size: int, split: str, labels: Sequence[str] | None) -> Pictures:
    """Image files and folders of them, or one name that `datasets.load_dataset` knows.

    `labels` are the names of a model's classes; `None` for a model without. A folder of images has them
    as names of its sub-folders, a data set in its first column of the type ClassLabel.
    """
    paths = [Path(name) for name in data]
    found = _search(paths)
    if found:
        names = None if labels is None else [_sub_folder(path, paths) for path in found]
        with ThreadPoolExecutor() as threads:
            squares = list(threads.map(lambda path: _open(path, size), found))
    elif len(data) == 1:
        squares, names = _of_dataset(data[0], size, split, wants_labels=labels is not None)
    else:
        raise Refused(f"There are no images in {', '.join(data)}.")
    pixels = torch.from_numpy(np.stack(squares)).permute(0, 3, 1, 2).contiguous()
    if labels is None or names is None:
        return Pictures(pixels, None)
    return Pictures(pixels, torch.tensor([_index_of(name, labels) for name in names]))


def square(image: Image.Image, size: int) -> np.ndarray:
    """The middle of an image, turned upright, transparency on white: `[size, size, 3]` bytes."""
    image = ImageOps.exif_transpose(image)
    side = min(image.size)
    x, y = (image.width - side) // 2, (image.height - side) // 2
    image = image.crop((x, y, x + side, y + side))
    if image.has_transparency_data:
        rgba = np.asarray(image.convert("RGBA")).astype(np.uint32)
        colour, alpha = rgba[..., :3], rgba[..., 3:]
        over_white = (colour * alpha + 255 * (255 - alpha) + 127) // 255
        image = Image.fromarray(over_white.astype(np.uint8))
    image = image.convert("RGB")
    if side != size:
        # Catmull and Rom's, as the core.
        image = image.resize((size, size), Image.Resampling.BICUBIC)
    return np.asarray(image)


def _search(paths: Iterable[Path]) -> list[Path]:
    """Image files, each once, sorted, so that a run does not depend on the order they are named in."""
    found = {path for path in paths if path.is_file()}
    for folder in paths:
        for path in folder.rglob("*") if folder.is_dir() else ():
            hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
            if not hidden and path.suffix.lower() in ENDINGS and path.is_file():
                found.add(path)
    return sorted(found)


def _open(path: Path, size: int) -> np.ndarray:
    try:
        with Image.open(path) as image:
            return square(image, size)
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise Refused(f"{path}: this image cannot be read ({error}). Replace or remove it.") from error


def _of_dataset(
    name: str, size: int, split: str, wants_labels: bool
) -> tuple[list[np.ndarray], list[str] | None]:
    from datasets import ClassLabel, load_dataset
    from datasets import Image as ImageColumn

    try:
        dataset = load_dataset(name, split=split)
    except (OSError, ValueError, RuntimeError) as error:
        raise Refused(
            f"{name} is neither a folder of images nor a data set with a split {split!r} ({error})."
        ) from error

    def column(kind: type) -> str | None:
        return next((name for name, type_ in dataset.features.items() if isinstance(type_, kind)), None)

    images, classes = column(ImageColumn), column(ClassLabel)
    if images is None:
        raise Refused(f"{name} has no column of images, only {', '.join(dataset.column_names)}.")
    squares = [square(row[images], size) for row in dataset.select_columns([images])]
    if not wants_labels:
        return squares, None
    if classes is None:
        raise Refused(f"This model knows labels, but {name} has no column of the type ClassLabel.")
    return squares, [dataset.features[classes].int2str(label) for label in dataset[classes]]


def _sub_folder(path: Path, roots: Sequence[Path]) -> str:
    """The first folder below one of `roots` on the way to `path`."""
    for root in roots:
        if path.is_relative_to(root) and len(path.relative_to(root).parts) > 1:
            return path.relative_to(root).parts[0]
    raise Refused(f"{path}: this model knows labels, so every image must lie in a sub-folder of its name.")


def _index_of(name: str, labels: Sequence[str]) -> int:
    """The class that a label names: by its name, or where classes have none by its number."""
    if name in labels:
        return labels.index(name)
    raise Refused(f"There is no label {name!r} in the model; it has {', '.join(labels)}.")
