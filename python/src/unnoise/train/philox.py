"""Random numbers that are a function of (seed, stream, step, index), as in src/random.rs.

Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"), in torch so that a GPU
makes its own noise. Words of 32 bits are held in int64.
"""

from __future__ import annotations

from enum import IntEnum
from math import tau

import torch
from torch import Tensor

MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
WEYL = (0x9E3779B9, 0xBB67AE85)
WORD = 0xFFFFFFFF


class Stream(IntEnum):
    """What the numbers are for; the names and numbers of src/random.rs."""

    ORDER = 1
    TIMESTEPS = 2
    TRAINING_NOISE = 3
    FLIP = 4
    LABEL_DROPOUT = 12


def _product(words: Tensor, factor: int) -> tuple[Tensor, Tensor]:
    """High and low word of words · factor, by halves of the factor, since int64 holds 63 bits."""
    low = words * (factor & 0xFFFF)
    high = words * (factor >> 16) + (low >> 16)
    return high >> 16, ((high & 0xFFFF) << 16) | (low & 0xFFFF)


def philox(counter: tuple[Tensor, ...], seed: int) -> Tensor:
    """Four random words for each counter of four words, `[..., 4]`."""
    c0, c1, c2, c3 = counter
    key = [seed & WORD, seed >> 32 & WORD]
    for _ in range(10):
        high0, low0 = _product(c0, MULTIPLIERS[0])
        high1, low1 = _product(c2, MULTIPLIERS[1])
        c0, c1, c2, c3 = high1 ^ c1 ^ key[0], low1, high0 ^ c3 ^ key[1], low0
        key = [(word + weyl) & WORD for word, weyl in zip(key, WEYL)]
    return torch.stack([c0, c1, c2, c3], dim=-1)


def words(
    seed: int, stream: Stream, step: int, first: int, count: int, device: torch.device | str = "cpu"
) -> Tensor:
    """The words at indices `first` to `first + count`, `[count]`."""
    block, skip = divmod(first, 4)
    blocks = torch.arange(block, block + (skip + count + 3) // 4, device=device)
    rest = (torch.full_like(blocks, step & WORD), torch.full_like(blocks, int(stream)))
    found = philox((blocks & WORD, blocks >> 32, *rest), seed)
    return found.flatten()[skip : skip + count]


def uniform(seed: int, stream: Stream, step: int, first: int, count: int) -> Tensor:
    """Numbers uniform on [0, 1), `[count]`, f64."""
    return words(seed, stream, step, first, count).double() / 2**32


def below(bound: int | Tensor, seed: int, stream: Stream, step: int, first: int, count: int) -> Tensor:
    """Whole numbers uniform on 0..bound, `[count]`; `bound` may differ from one to the next."""
    return words(seed, stream, step, first, count) * bound >> 32


def normals(
    seed: int, stream: Stream, step: int, first: int, count: int, device: torch.device | str = "cpu"
) -> Tensor:
    """Standard normal numbers by Box and Muller's method, `[count]`, f32.

    In f64 where the device has it (Apple's GPUs have not).
    """
    skip = first % 4
    real = torch.float32 if torch.device(device).type == "mps" else torch.float64
    pairs = words(seed, stream, step, first - skip, (skip + count + 3) // 4 * 4, device)
    # Half a step away from 0, whose logarithm is infinite.
    radius_word, angle_word = pairs.view(-1, 2).to(real).unbind(1)
    radius = (-2 * ((radius_word + 0.5) / 2**32).log()).sqrt()
    angle = tau * (angle_word / 2**32)
    numbers = torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1)
    return numbers.flatten()[skip : skip + count].float()


def permutation(count: int, seed: int, stream: Stream, step: int) -> list[int]:
    """A permutation of 0..count (Fisher and Yates)."""
    bounds = torch.arange(1, count + 1)
    chosen = below(bounds, seed, stream, step, 0, count).tolist()
    order = list(range(count))
    for last in range(count - 1, 0, -1):
        order[last], order[chosen[last]] = order[chosen[last]], order[last]
    return order
