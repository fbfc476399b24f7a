"""Muon for the weights of hidden layers, Adam for the rest: src/train/optimizer.rs and src/ops/optimizer.rs.

torch.optim.Muon computes the iteration in bfloat16 and takes matrices only; this one computes in f32,
takes a convolution as the matrix [out, in · k · k], and keeps its state under Adam's names, so that a
model's file has one layout for both.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable

import torch
from torch import Tensor
from torch.optim import Optimizer

from .recipe import Recipe

# What the first and the last layer see or make are pixels, which Muon's authors leave to Adam.
OUTER_LAYERS = ("conv_in.weight", "conv_out.weight")
# Neither of a layer that multiplies: rows to be looked up, by class.
EMBEDDINGS = ("class_embedding.weight",)

# X ← a · X + (b · A + c · A²) · X with A = X Xᵀ (Jordan et al. 2024, "Muon: an optimizer for hidden layers
# in neural networks") takes singular values in (0, 1] to near 1.
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
NEWTON_SCHULZ_STEPS = 5
LEAST_NORM = 1e-7


def orthogonalised(matrices: Tensor) -> Tensor:
    """Nearly U Vᵀ of each matrix U Σ Vᵀ, `[n, rows, columns]`."""
    if matrices.shape[1] > matrices.shape[2]:
        return orthogonalised(matrices.mT).mT
    a, b, c = NEWTON_SCHULZ
    x = matrices / matrices.norm(dim=(1, 2), keepdim=True).clamp(min=LEAST_NORM)
    for _ in range(NEWTON_SCHULZ_STEPS):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x


def is_hidden_matrix(name: str, parameter: Tensor) -> bool:
    """Whether Muon moves it."""
    return parameter.ndim > 1 and name not in OUTER_LAYERS + EMBEDDINGS


class MuonAndAdam(Optimizer):
    """Each parameter by the rule of its group, `muon` or `adam`."""

    def __init__(self, named: Iterable[tuple[str, Tensor]], recipe: Recipe):
        groups: dict[str, list[Tensor]] = {"muon": [], "adam": []}
        for name, parameter in named:
            by_muon = recipe.optimizer == "muon" and is_hidden_matrix(name, parameter)
            groups["muon" if by_muon else "adam"].append(parameter)
        rates = {"muon": recipe.muon_learning_rate, "adam": recipe.learning_rate}
        super().__init__(
            [
                {"params": params, "rule": rule, "lr": rates[rule]}
                for rule, params in groups.items()
                if params
            ],
            {},
        )
        self.recipe = recipe
        for group in self.param_groups:
            for parameter in group["params"]:
                state = self.state[parameter]
                state["exp_avg"] = torch.zeros_like(parameter)
                state["exp_avg_sq"] = torch.zeros_like(parameter)
        # Steps taken, from which warm-up and bias correction count.
        self.param_groups[0]["taken"] = 0

    @property
    def taken(self) -> int:
        """Steps since the moments were 0."""
        return self.param_groups[0]["taken"]

    @taken.setter
    def taken(self, steps: int) -> None:
        self.param_groups[0]["taken"] = steps

    @torch.no_grad()
    def step(self, closure: Callable | None = None) -> None:
        """One step by the gradients that the parameters hold."""
        self.taken += 1
        for group in self.param_groups:
            rate = group["lr"] * self.recipe.warmup_at(self.taken)
            rule = self._muon if group["rule"] == "muon" else self._adam
            rule([p for p in group["params"] if p.grad is not None], rate)

    def _adam(self, parameters: list[Tensor], rate: float) -> None:
        """Kingma & Ba 2015, algorithm 1."""
        beta1, beta2 = self.recipe.adam_beta1, self.recipe.adam_beta2
        root = (1 - beta2**self.taken) ** 0.5
        for p in parameters:
            mean, square = self.state[p]["exp_avg"], self.state[p]["exp_avg_sq"]
            mean.lerp_(p.grad, 1 - beta1)
            square.mul_(beta2).addcmul_(p.grad, p.grad, value=1 - beta2)
            denominator = (square.sqrt() / root).add_(self.recipe.adam_epsilon)
            p.addcdiv_(mean, denominator, value=-rate / (1 - beta1**self.taken))

    def _muon(self, parameters: list[Tensor], rate: float) -> None:
        """Jordan et al. 2024, matrices of one shape together."""
        momentum = self.recipe.muon_momentum
        by_shape: dict[tuple[int, int], list[tuple[Tensor, Tensor]]] = defaultdict(list)
        for p in parameters:
            mean = self.state[p]["exp_avg"]
            mean.lerp_(p.grad, 1 - momentum)
            # Nesterov's: the mean as it will be if the next gradient is this one.
            direction = mean.lerp(p.grad, 1 - momentum).flatten(1)
            by_shape[tuple(direction.shape)].append((p, direction))
        for (outputs, inputs), found in by_shape.items():
            updates = orthogonalised(torch.stack([direction for _, direction in found]))
            scale = max(1.0, outputs / inputs) ** 0.5
            for (p, _), update in zip(found, updates):
                p.sub_(update.view_as(p), alpha=rate * scale)
