"""What one training step sees, a function of (seed, step) alone: src/train/batch.rs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from . import philox
from .philox import Stream
from .pictures import Pictures
from .recipe import Recipe


@dataclass
class Batch:
    """Some of a step's items; images are `[n, 3, size, size]`."""

    x_0: Tensor
    """The images, in [-1, 1]."""
    t: Tensor
    """Timesteps, uniform over 0..T, `[n]`."""
    eps: Tensor
    """The noise that the images get."""
    labels: Tensor | None
    """Where the network knows classes, each image's, `[n]`; the null class for one without a label and
    for those whose label was dropped (Ho & Salimans 2022, algorithm 1)."""


@dataclass(frozen=True)
class Batches:
    """The batches of a run."""

    pictures: Pictures
    recipe: Recipe
    seed: int
    timesteps: int
    """T"""
    null_class: int | None
    """The class for any, of a network that knows classes."""
    device: torch.device

    def at(self, step: int, items: range) -> Batch:
        """Items `items` of the batch of `step`, counted from 0: the same however a batch is divided."""
        draw = (step, items.start, len(items))
        size = self.pictures.pixels.shape[-1]
        length = 3 * size * size
        x_0 = self.pictures.at(self._indices(step, items))
        if self.recipe.random_flip:
            flipped = philox.uniform(self.seed, Stream.FLIP, *draw) < 0.5
            x_0 = torch.where(flipped.view(-1, 1, 1, 1), x_0.flip(3), x_0)
        eps = philox.normals(
            self.seed,
            Stream.TRAINING_NOISE,
            step,
            items.start * length,
            len(items) * length,
            self.device,
        )
        return Batch(
            x_0=x_0.to(self.device),
            t=philox.below(self.timesteps, self.seed, Stream.TIMESTEPS, *draw).to(self.device),
            eps=eps.view(-1, 3, size, size),
            labels=self._labels(step, items),
        )

    def _labels(self, step: int, items: range) -> Tensor | None:
        if self.null_class is None:
            return None
        labels = torch.full((len(items),), self.null_class)
        if self.pictures.labels is not None:
            drawn = philox.uniform(self.seed, Stream.LABEL_DROPOUT, step, items.start, len(items))
            own = self.pictures.labels[self._indices(step, items)]
            labels = torch.where(drawn < self.recipe.class_dropout_prob, labels, own)
        return labels.to(self.device)

    def _indices(self, step: int, items: range) -> Tensor:
        """Which images: the next of an endless sequence of shuffled epochs."""
        count = len(self.pictures)
        first = step * self.recipe.batch_size
        places = [divmod(first + item, count) for item in items]
        return torch.tensor([_epoch(count, self.seed, epoch)[place] for epoch, place in places])


@lru_cache(maxsize=2)
def _epoch(count: int, seed: int, epoch: int) -> list[int]:
    """The order of an epoch's images."""
    return philox.permutation(count, seed, Stream.ORDER, epoch)
