"""What a step of the reverse process costs in bits, for a learned variance: src/diffusion/losses.rs."""

from __future__ import annotations

from math import log, pi, sqrt

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

# Half of the distance between two of a pixel's 256 levels.
HALF_LEVEL = 1 / 255
LEAST_PROBABILITY = 1e-12
# σ(slope · (z + cubic · z³)) is nearly the integral of the normal density (Page 1977).
SLOPE, CUBIC = 2 * sqrt(2 / pi), 0.044715


def terms(
    x_0: Tensor,
    error: Tensor,
    log_variance: Tensor,
    log_posterior: Tensor,
    mean_coef1: Tensor,
    is_first: Tensor,
) -> Tensor:
    """Bits per dimension of each item's step, `[n]`: the divergence of p(x_{t-1} | x_t) from
    q(x_{t-1} | x_t, x_0), and at t = 0, where `is_first`, the negative log-likelihood of x_0 (Ho et al.
    2020, equation 5).

    `x_0`, `error` = pred_x0 - x_0 and `log_variance`, p's, are `[n, c, h, w]`; what follows `[n, 1, 1, 1]`.
    """
    squared = (mean_coef1 * error) ** 2
    divergence = (
        log_variance
        - log_posterior
        + (log_posterior - log_variance).exp()
        + squared * (-log_variance).exp()
        - 1
    ) / 2
    nll = -_log_likelihood(x_0, error, log_variance / 2)
    return torch.where(is_first, nll, divergence).mean((1, 2, 3)) / log(2)


def _log_likelihood(x_0: Tensor, error: Tensor, log_scale: Tensor) -> Tensor:
    """Of pixels k / 127.5 - 1, under a normal distribution with mean x_0 + error (Ho et al. 2020, equation
    13). σ(a) - σ(b), which f32 could not take in the tails, as its equal σ(a) · σ(-b) · (1 - e^(b - a))."""
    inv_std = (-log_scale).exp()
    above, below = (HALF_LEVEL - error) * inv_std, (-HALF_LEVEL - error) * inv_std
    # a - b, by above³ - below³ = (above - below) · squares.
    squares = above**2 + above * below + below**2
    gap = SLOPE * 2 * HALF_LEVEL * inv_std * (1 + CUBIC * squares)
    up_to = logsigmoid(SLOPE * (above + CUBIC * above**3))
    from_there = logsigmoid(-SLOPE * (below + CUBIC * below**3))
    inside = up_to + from_there + (-torch.expm1(-gap.clamp(min=1e-20))).log()
    # The outermost levels reach to infinity.
    found = torch.where(x_0 < -0.999, up_to, torch.where(x_0 > 0.999, from_there, inside))
    return found.clamp(min=log(LEAST_PROBABILITY))
