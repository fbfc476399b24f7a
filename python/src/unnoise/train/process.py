"""The forward process and what the network is to predict: src/diffusion/{schedule,prediction,objective}.rs.

x_t = signal · x_0 + noise · ε with signal² + noise² = 1 (Ho et al. 2020, equation 4), or for a rectified
flow signal + noise = 1 (Liu et al. 2023, equation 1).
"""

from __future__ import annotations

import torch
from diffusers import DDPMScheduler
from torch import Tensor

from . import Refused
from .recipe import Recipe

# Of diffusers' configuration, what makes the schedule.
SCHEDULE = (
    "num_train_timesteps",
    "beta_start",
    "beta_end",
    "beta_schedule",
    "rescale_betas_zero_snr",
)


class Process:
    """Noise levels, targets and loss weights of t = 0 … T - 1; every table is `[T]`.

    `time` is what the network is given for t; the network predicts a · x_0 + b · ε.
    """

    def __init__(self, scheduler: dict, recipe: Recipe):
        self.prediction_type: str = scheduler["prediction_type"]
        self.steps: int = scheduler["num_train_timesteps"]
        if scheduler.get("variance_type") == "learned_range":
            raise Refused(
                "This model learns the variance of its steps (variance_type learned_range), which is not "
                "trained here. Go on with `unnoise train --resume`."
            )
        if self.prediction_type == "flow_prediction":
            shift = scheduler.get("shift", 1.0)
            sigma = torch.arange(1, self.steps + 1, dtype=torch.float64) / self.steps
            sigma = shift * sigma / (1 + (shift - 1) * sigma)
            signal, noise, time = 1 - sigma, sigma, sigma * self.steps
        else:
            known = {name: scheduler[name] for name in SCHEDULE if name in scheduler}
            betas = DDPMScheduler(**known).betas.double()
            alphas_cumprod = torch.cumprod(1 - betas, 0)
            signal, noise = alphas_cumprod.sqrt(), (1 - alphas_cumprod).sqrt()
            time = torch.arange(self.steps)
        ones, zeros = torch.ones_like(signal), torch.zeros_like(signal)
        target = {
            "epsilon": (zeros, ones),
            "sample": (ones, zeros),
            # v (Salimans & Ho 2022, section 4)
            "v_prediction": (-noise, signal),
            "flow_prediction": (-ones, ones),
        }[self.prediction_type]
        weight = self._weight(signal, noise, target, scheduler, recipe)
        self.time = time.float()
        self.signal, self.noise, self.weight = signal.float(), noise.float(), weight.float()
        self.target = tuple(coefficient.float() for coefficient in target)

    @staticmethod
    def _weight(
        signal: Tensor, noise: Tensor, target: tuple[Tensor, Tensor], scheduler: dict, recipe: Recipe
    ) -> Tensor:
        """Factors of the squared errors of predictions."""
        if recipe.loss_weighting == "simple":
            return torch.ones_like(signal)
        # ∂x_0 / ∂prediction, since the network's errors are weighted as errors of x_0.
        a, b = target
        sensitivity = -noise / (signal * b - noise * a)
        if recipe.loss_weighting == "min_snr":
            # min(SNR, γ) of x_0's error (Hang et al. 2023, equation 8); for v, min(SNR, 5) / (SNR + 1).
            snr = (signal / noise) ** 2
            return snr.clamp(max=recipe.min_snr_gamma) * sensitivity**2 + recipe.min_snr_floor
        # The bound's weights (Ho et al. 2020, equations 7 and 8), times T, since t is drawn at random.
        before_signal = torch.cat([signal.new_ones(1), signal[:-1]])
        before_noise = torch.cat([noise.new_zeros(1), noise[:-1]])
        beta = noise**2 - (signal / before_signal * before_noise) ** 2
        variance = beta * (before_noise / noise) ** 2
        if scheduler.get("variance_type") == "fixed_large":
            variance = torch.cat([variance[1:2], beta[1:]])
        else:
            variance = torch.cat([variance[1:2], variance[1:]])
        coefficient = before_signal * beta / noise**2
        return len(signal) * coefficient**2 / (2 * variance) * sensitivity**2

    def to(self, device: torch.device) -> Process:
        """The same, its tables on `device`."""
        for name in ("time", "signal", "noise", "weight"):
            setattr(self, name, getattr(self, name).to(device))
        self.target = tuple(coefficient.to(device) for coefficient in self.target)
        return self

    def noised(self, x_0: Tensor, t: Tensor, eps: Tensor) -> tuple[Tensor, Tensor]:
        """x_t and the network's target, `[n, c, h, w]`, for `t` `[n]`."""
        signal, noise, a, b = (
            table[t].view(-1, 1, 1, 1) for table in (self.signal, self.noise, *self.target)
        )
        return signal * x_0 + noise * eps, a * x_0 + b * eps

    def loss(self, prediction: Tensor, target: Tensor, t: Tensor) -> Tensor:
        """The weighted squared error, its mean over everything (Ho et al. 2020, equation 14)."""
        squared = (prediction.float() - target) ** 2
        return (squared * self.weight[t].view(-1, 1, 1, 1)).mean()
