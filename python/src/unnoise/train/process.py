"""The forward process and what the network is to predict: src/diffusion/, schedule.rs to objective.rs.

x_t = signal · x_0 + noise · ε with signal² + noise² = 1 (Ho et al. 2020, equation 4), or for a rectified
flow signal + noise = 1 (Liu et al. 2023, equation 1).
"""

from __future__ import annotations

import torch
from diffusers import DDPMScheduler
from torch import Tensor

from . import bound
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
    """Noise levels, targets and loss weights of t = 0 … T - 1.

    `tables` have a row for each t: `time` is what the network is given for it, and the network predicts
    `a` · x_0 + `b` · ε.
    """

    def __init__(self, scheduler: dict, recipe: Recipe):
        self.prediction_type: str = scheduler["prediction_type"]
        self.steps: int = scheduler["num_train_timesteps"]
        self.variance_type: str = scheduler.get("variance_type", "fixed_small")
        self.recipe = recipe
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
        a, b = target
        # q(x_{t-1} | x_t, x_0) has the mean mean_coef1 · x_0 + … and the variance β̃ (Ho et al. 2020,
        # equations 6 and 7); at t = 0, where β̃ is 0, that of the step before.
        before_signal = torch.cat([ones[:1], signal[:-1]])
        before_noise = torch.cat([zeros[:1], noise[:-1]])
        beta = noise**2 - (signal / before_signal * before_noise) ** 2
        posterior = beta * (before_noise / noise) ** 2
        posterior[0] = posterior[1]
        tables = {
            "time": time,
            "signal": signal,
            "noise": noise,
            "a": a,
            "b": b,
            # ∂x_0 / ∂prediction: how much of the network's error becomes an error of x_0.
            "sensitivity": -noise / (signal * b - noise * a),
            "mean_coef1": before_signal * beta / noise**2,
            "log_posterior": posterior.log(),
            "log_beta": beta.log(),
        }
        tables["weight"] = self._weight(tables)
        self.tables = {name: table.float() for name, table in tables.items()}

    def _weight(self, of: dict[str, Tensor]) -> Tensor:
        """Factors of the squared errors of predictions."""
        recipe, squared = self.recipe, of["sensitivity"] ** 2
        if recipe.loss_weighting not in ("simple", "min_snr", "vlb"):
            raise ValueError(
                f"This model is trained with the loss_weighting {recipe.loss_weighting}, which is only "
                "known on the page and the command line. Go on there."
            )
        if recipe.loss_weighting == "simple":
            return torch.ones_like(squared)
        if recipe.loss_weighting == "min_snr":
            # min(SNR, γ) of x_0's error (Hang et al. 2023, equation 8); for v, min(SNR, 5) / (SNR + 1).
            snr = (of["signal"] / of["noise"]) ** 2
            return snr.clamp(max=recipe.min_snr_gamma) * squared + recipe.min_snr_floor
        # The bound's weights (Ho et al. 2020, equations 7 and 8), times T, since t is drawn at random.
        log_variance = of["log_posterior"]
        if self.variance_type == "fixed_large":
            log_variance = torch.cat([log_variance[:1], of["log_beta"][1:]])
        return self.steps * of["mean_coef1"] ** 2 / (2 * log_variance.exp()) * squared

    def to(self, device: torch.device) -> Process:
        """The same, its tables on `device`."""
        self.tables = {name: table.to(device) for name, table in self.tables.items()}
        return self

    def at(self, name: str, t: Tensor) -> Tensor:
        """Rows `t` `[n]` of a table, `[n, 1, 1, 1]`."""
        return self.tables[name][t].view(-1, 1, 1, 1)

    def noised(self, x_0: Tensor, t: Tensor, eps: Tensor) -> tuple[Tensor, Tensor]:
        """x_t and the network's target, `[n, c, h, w]`, for `t` `[n]`."""
        signal, noise, a, b = (self.at(name, t) for name in ("signal", "noise", "a", "b"))
        return signal * x_0 + noise * eps, a * x_0 + b * eps

    def loss(self, output: Tensor, target: Tensor, x_0: Tensor, t: Tensor) -> Tensor:
        """The weighted squared error, its mean over everything (Ho et al. 2020, equation 14).

        Where the variance is learned, plus λ · L_vlb, which gives the prediction no gradient (Nichol &
        Dhariwal 2021, section 3.1).
        """
        channels = target.shape[1]
        prediction, values = output.float().split([channels, output.shape[1] - channels], dim=1)
        simple = ((prediction - target) ** 2 * self.at("weight", t)).mean()
        if self.variance_type != "learned_range":
            return simple
        smallest, largest = self.at("log_posterior", t), self.at("log_beta", t)
        # From β̃ at -1 to β at 1 (Nichol & Dhariwal 2021, equation 15).
        log_variance = ((largest - smallest) * values + largest + smallest) / 2
        error = (prediction.detach() - target) * self.at("sensitivity", t)
        is_first = (t == 0).view(-1, 1, 1, 1)
        bits = bound.terms(x_0, error, log_variance, smallest, self.at("mean_coef1", t), is_first)
        return simple + self.recipe.vlb_weight * self.steps * bits.mean()
