"""Images as a browser reads them: arrays become PNG files."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from os import PathLike
from pathlib import Path

import numpy as np


def zip_of(images: Iterable, labels: Sequence[str] | None = None) -> bytes:
    """A zip of image files, each in a folder of its label's name if it has one."""
    images = list(images)
    if labels is not None and len(labels) != len(images):
        raise ValueError(f"{len(images)} images need as many labels, not {len(labels)}.")
    memory = io.BytesIO()
    # Image files are compressed already.
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_STORED) as archive:
        for index, image in enumerate(images):
            extension, content = _file_of(image, index)
            folder = f"{labels[index]}/" if labels is not None else ""
            archive.writestr(f"{folder}{index:05}{extension}", content)
    return memory.getvalue()


def _file_of(image, index: int) -> tuple[str, bytes]:
    if isinstance(image, (str, PathLike)):
        path = Path(image)
        return path.suffix, path.read_bytes()
    if isinstance(image, (bytes, bytearray, memoryview)):
        # What kind of file it is, the browser sees itself.
        return ".png", bytes(image)
    return ".png", png(_pixels(np.asarray(image), index))


def _pixels(array: np.ndarray, index: int) -> np.ndarray:
    """(height, width, 3) of bytes."""
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or array.shape[2] not in (1, 3, 4) or array.size == 0:
        raise ValueError(
            f"Image {index} has the shape {array.shape}. "
            "An image is (height, width), (height, width, 3) or (height, width, 4)."
        )
    if array.dtype == bool or np.issubdtype(array.dtype, np.floating):
        array = array.astype(np.float32)
        if not (np.isfinite(array).all() and array.min() >= 0 and array.max() <= 1):
            raise ValueError(f"Image {index} has values that are not in [0, 1], as floats must be.")
        array = np.rint(array * 255).astype(np.uint8)
    elif np.issubdtype(array.dtype, np.integer):
        if array.min() < 0 or array.max() > 255:
            raise ValueError(f"Image {index} has values that are not in 0 to 255, as integers must be.")
        array = array.astype(np.uint8)
    else:
        raise ValueError(f"Image {index} has values of type {array.dtype}, which are no colours.")
    return np.repeat(array, 3, axis=2) if array.shape[2] == 1 else array


def png(pixels: np.ndarray) -> bytes:
    """A PNG file of (height, width, 3 or 4) bytes."""
    height, width, channels = pixels.shape
    # Each row begins with its filter, which is none.
    rows = np.zeros((height, 1 + width * channels), np.uint8)
    rows[:, 1:] = pixels.reshape(height, -1)

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", width, height, 8, {3: 2, 4: 6}[channels], 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows.tobytes()))
        + chunk(b"IEND", b"")
    )
