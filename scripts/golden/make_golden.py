"""Writes the golden values of tests/golden/ with Hugging Face diffusers.

Usage: make_golden.py OUT_DIR [schedules|trajectories|solvers|edits|unet|elbo|embedding|muon ...]

tests/golden/README.md says what each file holds. Everything runs on the CPU, on
one thread, from fixed seeds. What diffusers computes in float32 is computed a
second time in float64, so that a test can tell rounding from a mistake.
"""

import contextlib
import copy
import itertools
import json
import math
import re
import sys
from pathlib import Path
from unittest import mock

import diffusers
import numpy
import safetensors
import torch
from diffusers import (
    DDIMScheduler,
    DDPMScheduler,
    DPMSolverMultistepScheduler,
    FlowMatchEulerDiscreteScheduler,
    HeunDiscreteScheduler,
    RePaintScheduler,
    UNet2DModel,
)
from diffusers.models.embeddings import get_timestep_embedding
from diffusers.schedulers import (
    scheduling_ddim,
    scheduling_ddpm,
    scheduling_dpmsolver_multistep,
    scheduling_flow_match_euler_discrete,
    scheduling_heun_discrete,
    scheduling_repaint,
)
from diffusers.training_utils import compute_snr
from safetensors.torch import save_file

SCHEDULING = (
    scheduling_ddpm,
    scheduling_ddim,
    scheduling_dpmsolver_multistep,
    scheduling_flow_match_euler_discrete,
    scheduling_heun_discrete,
    scheduling_repaint,
)
VERSIONS = {m.__name__: m.__version__ for m in (diffusers, torch, safetensors, numpy)}


# --- helpers -----------------------------------------------------------------


def write_json(path, value):
    """Writes indented JSON with every list of plain values on one line."""
    text = json.dumps({"versions": VERSIONS, **value}, indent=1, allow_nan=False)
    text = re.sub(r"\[[^\[\]{}]*\]", lambda m: re.sub(r"\s*\n\s*", " ", m[0]), text)
    path.write_text(text.replace("[ ", "[").replace(" ]", "]") + "\n")


def write_safetensors(path, tensors):
    """Writes a .safetensors that, like any other file, everyone may read."""
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path)
    path.chmod(0o644)


def config_of(diffusers_object):
    """The fields that diffusers itself writes to (scheduler_)config.json."""
    return json.loads(diffusers_object.to_json_string())


class Float64:
    """`torch` or `numpy`, with float64 where diffusers' schedulers ask for float32."""

    def __init__(self, library):
        self.library = library

    def __getattr__(self, name):
        return getattr(self.library, "float64" if name == "float32" else name)


@contextlib.contextmanager
def precision(dtype):
    """Makes diffusers' own scheduler code compute in `dtype`."""
    with contextlib.ExitStack() as stack:
        if dtype == torch.float64:
            torch.set_default_dtype(torch.float64)
            stack.callback(torch.set_default_dtype, torch.float32)
            for module in SCHEDULING:
                for name, library in ("torch", torch), ("np", numpy):
                    stack.enter_context(mock.patch.object(module, name, Float64(library)))
        yield


def largest(*tensors):
    return max(t.abs().max().item() for t in tensors)


# --- schedules.json ----------------------------------------------------------


def schedule_values(dtype, indices, **config):
    """One schedule at `indices`, read off DDPMScheduler in the given precision.

    The posterior's coefficients exist only inside DDPMScheduler.step. With
    prediction_type "sample" and no noise, a step returns
    coef1 * model_output + coef2 * sample, so (1, 0) and (0, 1) read them out.
    """
    with precision(dtype):
        scheduler = DDPMScheduler(prediction_type="sample", clip_sample=False, **config)
        model_output = torch.tensor([1.0, 0.0]).reshape(2, 1, 1, 1)
        sample = 1 - model_output
        no_noise = lambda shape, **_: torch.zeros(shape)
        with mock.patch.object(scheduling_ddpm, "randn_tensor", no_noise):
            coefs = [scheduler.step(model_output, t, sample).prev_sample.flatten().tolist() for t in indices]
        variance = [scheduler._get_variance(t).item() for t in indices]
        at = torch.tensor(indices)
        if dtype == torch.float32:
            snr = compute_snr(scheduler, at)
        else:  # compute_snr rounds to float32 inside
            snr = (scheduler.alphas_cumprod / (1 - scheduler.alphas_cumprod))[at]
        assert scheduler.alphas_cumprod.dtype == snr.dtype == dtype
        return {
            "betas": scheduler.betas[at].tolist(),
            "alphas_cumprod": scheduler.alphas_cumprod[at].tolist(),
            "posterior_variance": variance,
            "posterior_mean_coef1": [c[0] for c in coefs],
            "posterior_mean_coef2": [c[1] for c in coefs],
            "snr": snr.tolist(),
        }


def make_schedules(out):
    """schedules.json: noise schedules, and which timesteps a sampler visits."""
    schedules = []
    for kind, steps, *zero_snr in [
        ("linear", 1000),
        ("linear", 100),
        ("linear", 10),
        ("scaled_linear", 1000),
        ("squaredcos_cap_v2", 1000),
        ("squaredcos_cap_v2", 50),
        ("squaredcos_cap_v2", 4000),
        ("sigmoid", 1000),
        ("linear", 1000, True),
        ("squaredcos_cap_v2", 100, True),
    ]:
        config = {"num_train_timesteps": steps, "beta_schedule": kind, "beta_start": 1e-4, "beta_end": 0.02}
        config["rescale_betas_zero_snr"] = bool(zero_snr)
        indices = list(range(steps)) if steps <= 100 else [*range(0, steps - 1, 37), steps - 1]
        schedules.append(
            {
                "name": f"{kind}_{steps}" + "_zero_snr" * bool(zero_snr),
                **config,
                "indices": indices,
                "float32": schedule_values(torch.float32, indices, **config),
                "float64": schedule_values(torch.float64, indices, **config),
            }
        )

    timesteps = []
    for spacing in ("leading", "trailing", "linspace"):
        for steps, count in [(1000, k) for k in (1, 3, 7, 10, 15, 16, 20, 50)] + [(50, 50), (50, 20), (100, 16)]:
            scheduler = DDPMScheduler(num_train_timesteps=steps, timestep_spacing=spacing)
            scheduler.set_timesteps(count)
            timesteps.append(
                {
                    "num_train_timesteps": steps,
                    "num_inference_steps": count,
                    "timestep_spacing": spacing,
                    "timesteps": scheduler.timesteps.tolist(),
                }
            )

    about = (
        "float32: what diffusers computes. float64: the same code of diffusers run in float64 (its snr is "
        "alphas_cumprod / (1 - alphas_cumprod)). Every array has one value for each entry of indices. "
        "posterior_variance is clamped to at least 1e-20, which is what t = 0 shows."
    )
    write_json(out / "schedules.json", {"about": about, "schedules": schedules, "timesteps": timesteps})


# --- trajectories ------------------------------------------------------------


def denoiser(x, t):
    """The analytic stand-in for a network: smooth, nonlinear, depends on t."""
    return 0.3 * torch.sin(2 * x) + 0.5 * math.cos(t / 300) * x


def stand_in(scheduler, x, t, signal):
    """The denoiser that suits the scheduler. Where x_0 is not limited it predicts an x_0 of the size of an
    image, or x would grow without bound; signal is sqrt(alphas_cumprod) at t."""
    config = scheduler.config
    limited = config.get("clip_sample") or config.get("thresholding")
    if limited or isinstance(scheduler, FlowMatchEulerDiscreteScheduler):
        return denoiser(x, t)
    noise = (1 - signal**2) ** 0.5
    v = 0.3 * torch.sin(2 * x) + 0.2 * math.cos(t / 300) * x
    return {"epsilon": noise * x + signal * v, "sample": signal * x - noise * v, "v_prediction": v}[
        config.prediction_type
    ]


def sample(scheduler, steps, x, z, eta=None):
    """A whole trajectory from x, step i using z[i] as its noise.

    Returns the trajectory, the predicted x_0s, and for each step whether the
    scheduler asked for noise.
    """
    scheduler.set_timesteps(steps)
    learned = scheduler.config.get("variance_type") == "learned_range"
    trajectory, predictions, noise_used = [x], [], []
    for i, t in enumerate(scheduler.timesteps):
        output = stand_in(scheduler, x, t.item(), scheduler.alphas_cumprod[t].item() ** 0.5)
        if learned:
            output = torch.cat([output, torch.sin(3 * x)], dim=1)
        noise = mock.Mock(return_value=z[i])
        if eta is None:
            with mock.patch.object(scheduling_ddpm, "randn_tensor", noise):
                result = scheduler.step(output, t, x)
            noise_used.append(noise.called)
        else:
            result = scheduler.step(output, t, x, eta=eta, variance_noise=z[i] if eta > 0 else None)
            noise_used.append(eta > 0)
        x = result.prev_sample
        trajectory.append(x)
        predictions.append(result.pred_original_sample)
    return torch.stack(trajectory), torch.stack(predictions), noise_used


def trajectory_cases():
    """Yields (scheduler class, its options, steps, eta) of every case."""
    linear, cosine = "linear", "squaredcos_cap_v2"
    both = ("leading", "trailing")

    def ddpm(schedule, train_steps, steps, spacing, clip, variance="fixed_small", **more):
        options = dict(beta_schedule=schedule, num_train_timesteps=train_steps, timestep_spacing=spacing)
        return DDPMScheduler, dict(options, clip_sample=clip, variance_type=variance, **more), steps, None

    def ddim(schedule, steps, spacing, clip, eta, **more):
        options = dict(beta_schedule=schedule, num_train_timesteps=1000, timestep_spacing=spacing)
        return DDIMScheduler, dict(options, clip_sample=clip, set_alpha_to_one=True, **more), steps, eta

    for variance, clip in itertools.product(("fixed_small", "fixed_large"), (True, False)):
        yield ddpm(linear, 50, 50, "leading", clip, variance)
        for schedule, spacing in itertools.product((linear, cosine), both):
            # At the end of the cosine schedule float32 cannot tell x_0 from eps: v can.
            ill = not clip and schedule == cosine and spacing == "trailing"
            yield ddpm(schedule, 1000, 20, spacing, clip, variance, **({"prediction_type": "v_prediction"} if ill else {}))
    for eta, clip, spacing in itertools.product((0.0, 0.5, 1.0), (True, False), both):
        yield ddim(linear, 10, spacing, clip, eta)
    yield ddim(cosine, 10, "leading", True, 0.0)

    # What the network's output may mean, and a variance it predicts.
    yield ddpm(linear, 1000, 10, "leading", True, "learned_range")
    yield ddpm(cosine, 1000, 10, "leading", False, "learned_range", prediction_type="v_prediction")
    yield ddpm(linear, 1000, 10, "leading", True, prediction_type="sample")
    yield ddpm(cosine, 1000, 10, "trailing", False, prediction_type="sample")
    yield ddpm(linear, 1000, 10, "leading", True, prediction_type="v_prediction")
    yield ddim(linear, 10, "leading", True, 0.5, prediction_type="v_prediction")
    yield ddim(linear, 10, "leading", True, 0.5, prediction_type="sample")
    yield ddim(cosine, 10, "trailing", False, 0.0, prediction_type="v_prediction")
    yield ddpm("sigmoid", 1000, 10, "leading", False)
    yield ddim("scaled_linear", 10, "trailing", False, 0.5)

    # What is left of x_0 at the last step, and estimates of x_0 limited by a quantile.
    yield ddpm(linear, 1000, 10, "trailing", True, prediction_type="v_prediction", rescale_betas_zero_snr=True)
    yield ddim(linear, 10, "trailing", False, 0.5, prediction_type="v_prediction", rescale_betas_zero_snr=True)
    limits = dict(thresholding=True, dynamic_thresholding_ratio=0.9, sample_max_value=5.0)
    yield ddpm(linear, 1000, 10, "leading", True, **limits)
    yield ddim(cosine, 10, "trailing", True, 0.0, **limits)

    # A number of steps that does not divide num_train_timesteps.
    for spacing in both:
        yield ddpm(linear, 1000, 7, spacing, True)
        yield ddim(linear, 7, spacing, True, 0.0)


def case_name(cls, options, steps, eta):
    kind = f"ddpm_{options['variance_type']}" if cls is DDPMScheduler else f"ddim_eta{eta}"
    clip = "clip" if options["clip_sample"] else "noclip"
    schedule = {"squaredcos_cap_v2": "cosine"}.get(options["beta_schedule"], options["beta_schedule"])
    parts = [kind, clip, schedule, f"T{options['num_train_timesteps']}", f"K{steps}", options["timestep_spacing"]]
    parts += [options[k] for k in ("prediction_type",) if k in options]
    return "_".join(parts + [k for k in ("rescale_betas_zero_snr", "thresholding") if k in options])


def make_trajectories(out):
    """trajectories.safetensors and .json: samplers on an analytic denoiser."""
    torch.manual_seed(1)
    x_T, z = torch.randn(2, 3, 4, 4), torch.randn(50, 2, 3, 4, 4)
    tensors, cases = {"x_T": x_T, "z": z}, []
    for cls, options, steps, eta in trajectory_cases():
        scheduler = cls(**options)
        trajectory, predictions, noise_used = sample(scheduler, steps, x_T, z, eta)
        with precision(torch.float64):
            exact = sample(cls(**options), steps, x_T.double(), z.double(), eta)
        assert trajectory.dtype == torch.float32 and exact[0].dtype == torch.float64
        name = case_name(cls, options, steps, eta)
        tensors[f"{name}.trajectory"] = trajectory
        tensors[f"{name}.pred_original_sample"] = predictions
        cases.append(
            {
                "name": name,
                "scheduler": config_of(scheduler),
                "num_inference_steps": steps,
                "eta": eta,
                "timesteps": scheduler.timesteps.tolist(),
                "noise_used": noise_used,
                "max_abs": {"trajectory": largest(trajectory), "pred_original_sample": largest(predictions)},
                "float64_max_abs_error": {
                    "trajectory": largest(trajectory - exact[0]),
                    "pred_original_sample": largest(predictions - exact[1]),
                },
            }
        )
    write_safetensors(out / "trajectories.safetensors", tensors)
    about = {
        "model_output": "0.3*sin(2*x) + 0.5*cos(t/300)*x, cos in float64 and the rest in float32; read by the "
        "scheduler as its prediction_type says. Without clip_sample and thresholding: v = 0.3*sin(2*x) + "
        "0.2*cos(t/300)*x, as the prediction_type has it. For learned_range the network also outputs sin(3*x), as the "
        "second half of the channels.",
        "noise": "All cases start at x_T and use the same z: row i at step i. noise_used tells whether the scheduler "
        "asked for noise at that step.",
        "float64_max_abs_error": "Largest difference to the same code of diffusers run in float64, schedule included.",
    }
    write_json(out / "trajectories.json", {"about": about, "cases": cases})


# --- solvers -----------------------------------------------------------------


def solve(scheduler, steps, x_T):
    """A whole trajectory from x_T of a solver without noise.

    Everything in the scale of the process that the model was trained on: Heun's own x is divided
    by sqrt(sigma^2 + 1). Returns the trajectory without x_T, the predicted x_0s at its points, and
    their timesteps.
    """
    scheduler.set_timesteps(steps)
    # Without it a step is found by its timestep, which rounding may give to two of them.
    scheduler.set_begin_index(0)
    heun = isinstance(scheduler, HeunDiscreteScheduler)
    own_scale = lambda x, i: x / (scheduler.sigmas[i] ** 2 + 1) ** 0.5 if heun else x
    x = x_T * getattr(scheduler, "init_noise_sigma", 1.0)
    trajectory, predictions, timesteps = [], [], []
    for i, t in enumerate(scheduler.timesteps):
        signal = (scheduler.sigmas[i].item() ** 2 + 1) ** -0.5
        output = stand_in(scheduler, own_scale(x, i), t.item(), signal)
        # Heun's second evaluation of a step comes after every odd one.
        first = not heun or i % 2 == 0
        if isinstance(scheduler, DPMSolverMultistepScheduler):
            if scheduler.step_index is None:
                scheduler._init_step_index(t)
            prediction = scheduler.convert_model_output(output, sample=x)
        elif isinstance(scheduler, FlowMatchEulerDiscreteScheduler):
            prediction = x - scheduler.sigmas[i] * output
        result = scheduler.step(output, t, x)
        x = result.prev_sample
        if first:
            predictions.append(result.pred_original_sample if heun else prediction)
            timesteps.append(t.item())
        if not heun or i % 2 == 1 or i + 1 == len(scheduler.timesteps):
            trajectory.append(own_scale(x, i + 1))
    return torch.stack(trajectory), torch.stack(predictions), timesteps


def solver_cases():
    """Yields (name, scheduler class, its options, steps) of every case."""
    for spacing, karras in itertools.product(("linspace", "leading", "trailing"), (True, False)):
        for kind in ("linear", "squaredcos_cap_v2"):
            options = dict(
                beta_start=1e-4, beta_end=0.02, beta_schedule=kind, timestep_spacing=spacing, use_karras_sigmas=karras
            )
            end = f"{kind}_{spacing}" + "_karras" * karras
            # Heun's first step from a sigma of 20,000 magnifies float32's rounding beyond measure.
            if karras or kind == "linear" or spacing == "leading":
                yield f"heun_{end}", HeunDiscreteScheduler, dict(options, clip_sample=True), 7
            limits = dict(thresholding=True, sample_max_value=1.0 if kind == "linear" else 3.0)
            yield f"dpmpp2m_{end}", DPMSolverMultistepScheduler, dict(options, **limits), 9
    linear = dict(beta_start=1e-4, beta_end=0.02, timestep_spacing="trailing")
    for prediction in ("epsilon", "sample", "v_prediction"):
        options = dict(linear, prediction_type=prediction)
        yield f"heun_{prediction}", HeunDiscreteScheduler, dict(options, use_karras_sigmas=True), 10
        yield f"dpmpp2m_{prediction}", DPMSolverMultistepScheduler, options, 20
    zero_snr = dict(linear, prediction_type="v_prediction", rescale_betas_zero_snr=True)
    yield "dpmpp2m_zero_snr", DPMSolverMultistepScheduler, zero_snr, 10
    for shift in (1.0, 3.0):
        yield f"euler_flow_shift{shift}", FlowMatchEulerDiscreteScheduler, dict(shift=shift), 10
    short = dict(num_train_timesteps=300, shift=2.0)
    yield "euler_flow_T300", FlowMatchEulerDiscreteScheduler, short, 7


def make_solvers(out):
    """solvers.safetensors and .json: deterministic solvers on the analytic denoiser."""
    torch.manual_seed(2)
    x_T = torch.randn(2, 3, 4, 4)
    tensors, cases = {"x_T": x_T}, []
    for name, cls, options, steps in solver_cases():
        scheduler = cls(**options)
        rounded = solve(scheduler, steps, x_T)
        with precision(torch.float64):
            trajectory, predictions, timesteps = solve(cls(**options), steps, x_T.double())
        assert rounded[0].dtype == torch.float32 and trajectory.dtype == torch.float64
        tensors[f"{name}.trajectory"] = trajectory.float()
        tensors[f"{name}.pred_original_sample"] = predictions.float()
        cases.append(
            {
                "name": name,
                # Its default, -Infinity, is no JSON.
                "scheduler": {k: v for k, v in config_of(scheduler).items() if k != "lambda_min_clipped"},
                "num_inference_steps": steps,
                "timesteps": timesteps,
                "max_abs": {"trajectory": largest(trajectory), "pred_original_sample": largest(predictions)},
                "float64_max_abs_error": {
                    "trajectory": largest(trajectory - rounded[0]),
                    "pred_original_sample": largest(predictions - rounded[1]),
                },
            }
        )
    write_safetensors(out / "solvers.safetensors", tensors)
    write_json(out / "solvers.json", {"cases": cases})


# --- edits -------------------------------------------------------------------


def redraw(scheduler, steps, strength, image, x_T, z, eta=None):
    """SDEdit as diffusers' image-to-image pipelines do it. Returns x at every point."""
    scheduler.set_timesteps(steps)
    start = max(steps - min(int(steps * strength), steps), 0)
    x = scheduler.add_noise(image, x_T, scheduler.timesteps[start : start + 1])
    trajectory = [x]
    for i, t in enumerate(scheduler.timesteps[start:], start):
        output = denoiser(x, t.item())
        if eta is None:
            with mock.patch.object(scheduling_ddpm, "randn_tensor", mock.Mock(return_value=z[i])):
                x = scheduler.step(output, t, x).prev_sample
        else:
            x = scheduler.step(output, t, x, eta=eta, variance_noise=z[i] if eta > 0 else None).prev_sample
        trajectory.append(x)
    return torch.stack(trajectory)


def fill_in(scheduler, image, mask, x_T, z, **jumps):
    """RePaint with the steps of RePaintScheduler. Returns x at every point, and their timesteps.

    The list of timesteps is that of the paper's code, where x is *at* each of them. diffusers' pipeline
    steps *from* each, so that its jumps come one step later, the last from x_0 itself, which the paper's
    algorithm does not do (line 9). Here the list is read as the paper's code reads it.
    """
    scheduler.set_timesteps(**jumps)
    timesteps = scheduler.timesteps.tolist()
    x, trajectory = x_T, [x_T]
    for i, (t, after) in enumerate(itertools.pairwise([*timesteps, -1])):
        with mock.patch.object(scheduling_repaint, "randn_tensor", mock.Mock(return_value=z[i])):
            if after < t:
                x = scheduler.step(denoiser(x, t), t, x, image, mask).prev_sample
            else:
                x = scheduler.undo_step(x, t + 1)
        trajectory.append(x)
    return torch.stack(trajectory), timesteps


def make_edits(out):
    """edits.safetensors and .json: SDEdit and RePaint on the analytic denoiser."""
    torch.manual_seed(5)
    image = (torch.randn(1, 3, 4, 4) / 2).clamp(-1, 1)
    x_T, z = torch.randn(2, 3, 4, 4), torch.randn(30, 2, 3, 4, 4)
    mask = torch.tensor([[1.0, 1, 0, 0], [1, 0, 0, 0], [1, 1, 1, 1], [0, 1, 1, 0]]).reshape(1, 1, 4, 4)
    tensors, redrawn, filled = {"image": image, "mask": mask, "x_T": x_T, "z": z}, [], []
    for cls, eta, strength in [
        (DDIMScheduler, 0.0, 0.6),
        (DDIMScheduler, 0.5, 0.35),
        (DDIMScheduler, 0.0, 1.0),
        (DDPMScheduler, None, 0.5),
    ]:
        scheduler = cls(clip_sample=True)
        name = f"{'ddpm' if eta is None else f'ddim_eta{eta}'}_strength{strength}"
        tensors[f"{name}.trajectory"] = redraw(scheduler, 10, strength, image, x_T, z, eta)
        case = {"name": name, "scheduler": config_of(scheduler), "num_inference_steps": 10}
        redrawn.append({**case, "eta": eta, "strength": strength})
    jumps = dict(num_inference_steps=12, jump_length=3, jump_n_sample=2)
    for eta in (0.0, 1.0):
        # As many steps as timesteps, because undo_step draws noise for each of those.
        scheduler = RePaintScheduler(num_train_timesteps=12, beta_end=0.2, eta=eta)
        name = f"repaint_eta{eta}"
        tensors[f"{name}.trajectory"], timesteps = fill_in(scheduler, image, mask, x_T, z, **jumps)
        case = {"name": name, "scheduler": config_of(scheduler), **jumps}
        filled.append({**case, "eta": eta, "timesteps": timesteps})
    write_safetensors(out / "edits.safetensors", tensors)
    write_json(out / "edits.json", {"redrawn": redrawn, "filled": filled})


# --- U-Nets ------------------------------------------------------------------

DOWN, ATTN_DOWN, UP, ATTN_UP = "DownBlock2D", "AttnDownBlock2D", "UpBlock2D", "AttnUpBlock2D"

# name: (options of UNet2DModel, timesteps, class labels)
UNETS = {
    "plain": (
        dict(block_out_channels=(8, 16, 16), layers_per_block=1, norm_num_groups=4, add_attention=False),
        (10, 500),
        None,
    ),
    "mid_attention": (
        dict(block_out_channels=(8, 16), layers_per_block=1, norm_num_groups=4, attention_head_dim=8),
        (250, 250),
        None,
    ),
    "attention_blocks": (
        dict(
            block_out_channels=(8, 12, 12),
            down_block_types=(DOWN, ATTN_DOWN, DOWN),
            up_block_types=(UP, ATTN_UP, UP),
            layers_per_block=2,
            norm_num_groups=4,
            attention_head_dim=4,
        ),
        (42, 731),
        None,
    ),
    "odd_widths": (
        dict(
            block_out_channels=(6, 12, 18),
            layers_per_block=1,
            norm_num_groups=3,
            attention_head_dim=6,
            in_channels=1,
            out_channels=1,
            sample_size=(8, 12),
        ),
        (1, 90),
        None,
    ),
    "learned_variance": (
        dict(
            block_out_channels=(12, 16),
            layers_per_block=2,
            norm_num_groups=4,
            out_channels=6,
            add_attention=False,
            flip_sin_to_cos=False,
            freq_shift=1,
        ),
        (600, 17),
        None,
    ),
    "single_level": (
        dict(block_out_channels=(12,), layers_per_block=1, norm_num_groups=4, attention_head_dim=4),
        (0, 320),
        None,
    ),
    "far_timesteps": (
        dict(block_out_channels=(8, 16), layers_per_block=1, norm_num_groups=8, attention_head_dim=16),
        (999, 3),
        None,
    ),
    # 12 channels with heads of 8: one head, and an inner width of 8, not 12.
    "attention_inner_width": (
        dict(
            block_out_channels=(8, 12),
            down_block_types=(DOWN, ATTN_DOWN),
            up_block_types=(ATTN_UP, UP),
            layers_per_block=1,
            norm_num_groups=4,
            attention_head_dim=8,
        ),
        (100, 800),
        None,
    ),
    # Class conditioning, attention at every level, and one head as wide as the block.
    "classes": (
        dict(
            block_out_channels=(8, 12),
            down_block_types=(ATTN_DOWN, ATTN_DOWN),
            up_block_types=(ATTN_UP, ATTN_UP),
            layers_per_block=1,
            norm_num_groups=2,
            attention_head_dim=None,
            num_class_embeds=5,
            sample_size=8,
        ),
        (64, 905),
        (4, 1),
    ),
    # What a network for crops is asked for: another shape than a square, and no attention.
    "wide": (
        dict(
            block_out_channels=(16, 24),
            layers_per_block=1,
            norm_num_groups=8,
            add_attention=False,
            sample_size=(12, 40),
        ),
        (30, 700),
        None,
    ),
}


def randomise(model):
    """Fills every parameter with values that keep activations near unit size."""
    for name, p in model.named_parameters():
        values = torch.randn(p.shape)
        if name.endswith("bias"):
            values *= 0.2
        elif "norm" in name:
            values = 1 + 0.3 * values
        else:
            values /= p[0].numel() ** 0.5
        p.data.copy_(values)


def make_unet(seed, options):
    """A U-Net with random parameters; `seed` also sets what is drawn next."""
    torch.manual_seed(seed)
    levels = len(options["block_out_channels"])
    defaults = dict(sample_size=16, down_block_types=(DOWN,) * levels, up_block_types=(UP,) * levels)
    model = UNet2DModel(**{**defaults, **options}).eval()
    randomise(model)
    return model


def make_unets(out):
    """unet_<case>.safetensors and unet_cases.json: UNet2DModel forward passes."""
    cases = []
    for seed, (name, (options, timesteps, labels)) in enumerate(UNETS.items()):
        model = make_unet(100 + seed, options)
        levels = len(options["block_out_channels"])
        size = model.config.sample_size
        height, width = (size, size) if isinstance(size, int) else size
        x = torch.randn(2, model.config.in_channels, height, width)
        t = torch.tensor(timesteps)
        class_labels = None if labels is None else torch.tensor(labels)

        hidden = {}

        def keep(module_name):
            def hook(_module, _inputs, result):
                hidden[f"hidden.{module_name}"] = (result[0] if isinstance(result, tuple) else result)[:1].clone()

            return hook

        parts = ["time_embedding", "conv_in", "mid_block"]
        parts += [f"{blocks}.{i}" for blocks in ("down_blocks", "up_blocks") for i in range(levels)]
        hooks = [model.get_submodule(part).register_forward_hook(keep(part)) for part in parts]
        with torch.no_grad():
            output = model(x, t, class_labels).sample
            for hook in hooks:
                hook.remove()
            exact = copy.deepcopy(model).double()(x.double(), t, class_labels).sample

        tensors = {f"unet.{key}": value for key, value in model.state_dict().items()}
        tensors |= {"x": x, "timesteps": t, "output": output} | hidden
        if labels is not None:
            tensors["class_labels"] = class_labels
        file = f"unet_{name}.safetensors"
        write_safetensors(out / file, tensors)
        cases.append(
            {
                "name": name,
                "file": file,
                "config": config_of(model),
                "timesteps": list(timesteps),
                "class_labels": None if labels is None else list(labels),
                "num_parameters": sum(p.numel() for p in model.parameters()),
                "max_abs": largest(output),
                "float64_max_abs_error": largest(output - exact),
            }
        )
    write_json(out / "unet_cases.json", {"cases": cases})


# --- variational bound -------------------------------------------------------


def normal_kl(mean1, logvar1, mean2, logvar2):
    """KL divergence of two normal distributions, in nats."""
    ratio, distance = torch.exp(logvar1 - logvar2), (mean1 - mean2) ** 2
    return 0.5 * (-1 + logvar2 - logvar1 + ratio + distance * torch.exp(-logvar2))


def discretized_log_likelihood(x, mean, log_scale):
    """Of 256 levels in [-1, 1], with improved-diffusion's tanh for the normal CDF."""
    cdf = lambda z: 0.5 * (1 + torch.tanh((2 / math.pi) ** 0.5 * (z + 0.044715 * z**3)))
    log = lambda p: torch.log(p.clamp(min=1e-12))
    centred, inv_std = x - mean, torch.exp(-log_scale)
    above, below = cdf(inv_std * (centred + 1 / 255)), cdf(inv_std * (centred - 1 / 255))
    inner = log(above - below)
    return torch.where(x < -0.999, log(above), torch.where(x > 0.999, log(1 - below), inner))


def bpd_loop(network, scheduler, x_0, eps):
    """improved-diffusion's calc_bpd_loop in float64, from the formulas of the papers.

    Ho et al. 2020, equations 5, 7 and 13; Nichol & Dhariwal 2021, equation 15. Returns the prior's
    term [n] and, by timestep, the terms and errors [T, n].
    """
    config = scheduler.config
    with precision(torch.float64):
        betas = type(scheduler)(**config).betas
    abar = torch.cumprod(1 - betas, 0)
    abar_prev = torch.cat([torch.ones(1, dtype=torch.float64), abar[:-1]])
    variance = betas * (1 - abar_prev) / (1 - abar)
    log_variance = torch.log(torch.cat([variance[1:2], variance[1:]]))
    mean_of = lambda values: values.flatten(1).mean(1)
    vb, x0_mse, eps_mse = [], [], []
    for t in range(len(betas)):
        signal, noise = abar[t] ** 0.5, (1 - abar[t]) ** 0.5
        x_t = signal * x_0 + noise * eps[t]
        with torch.no_grad():
            output = network(x_t, torch.full((len(x_0),), t)).sample
        output, place = output[:, :3], output[:, 3:]
        pred_x0 = {
            "epsilon": lambda: (x_t - noise * output) / signal,
            "sample": lambda: output,
            "v_prediction": lambda: signal * x_t - noise * output,
        }[config.prediction_type]()
        if config.clip_sample:
            pred_x0 = pred_x0.clamp(-1, 1)
        model_log_variance = {
            "fixed_small": lambda: log_variance[t],
            "fixed_large": lambda: torch.log(betas[t]) if t else log_variance[0],
            "learned_range": lambda: (place + 1) / 2 * torch.log(betas[t]) + (1 - place) / 2 * log_variance[t],
        }[config.variance_type]()
        coef1 = betas[t] * abar_prev[t] ** 0.5 / (1 - abar[t])
        coef2 = (1 - abar_prev[t]) * (1 - betas[t]) ** 0.5 / (1 - abar[t])
        mean = lambda x: coef1 * x + coef2 * x_t
        if t == 0:
            term = -discretized_log_likelihood(x_0, mean(pred_x0), 0.5 * model_log_variance)
        else:
            term = normal_kl(mean(x_0), log_variance[t], mean(pred_x0), model_log_variance)
        vb.append(mean_of(term) / math.log(2))
        x0_mse.append(mean_of((pred_x0 - x_0) ** 2))
        eps_mse.append(mean_of(((x_t - signal * pred_x0) / noise - eps[t]) ** 2))
    zero = torch.zeros(())
    prior = mean_of(normal_kl(abar[-1] ** 0.5 * x_0, torch.log(1 - abar[-1]), zero, zero)) / math.log(2)
    return prior, torch.stack(vb), torch.stack(x0_mse), torch.stack(eps_mse)


def elbo_cases():
    """Yields (name, U-Net case, options of DDPMScheduler) of every case."""
    steep = dict(beta_start=0.004, beta_end=0.8)
    yield "fixed_small", "mid_attention", dict(steep)
    yield "fixed_large", "mid_attention", dict(steep, variance_type="fixed_large", prediction_type="v_prediction")
    yield "sample_unclipped", "mid_attention", dict(steep, prediction_type="sample", clip_sample=False)
    yield "cosine", "mid_attention", dict(beta_schedule="squaredcos_cap_v2")
    yield "learned_range", "learned_variance", dict(steep, variance_type="learned_range")


def make_elbo(out):
    """elbo.safetensors and .json: the variational bound of two images under U-Nets of unet_cases.json."""
    steps = 25
    torch.manual_seed(3)
    smooth = torch.nn.functional.interpolate(torch.randn(2, 3, 4, 4), size=16, mode="bicubic")
    levels = ((smooth.clamp(-1, 1) + 1) * 127.5).round()
    x_0, eps = (levels / 127.5 - 1).float(), torch.randn(steps, 2, 3, 16, 16)
    cases = []
    for name, unet, options in elbo_cases():
        seed = 100 + list(UNETS).index(unet)
        network = make_unet(seed, UNETS[unet][0]).double()
        scheduler = DDPMScheduler(num_train_timesteps=steps, **options)
        prior, vb, x0_mse, eps_mse = bpd_loop(network, scheduler, x_0.double(), eps.double())
        cases.append(
            {
                "name": name,
                "unet": unet,
                "scheduler": config_of(scheduler),
                "total_bpd": (prior + vb.sum(0)).mean().item(),
                "prior_bpd": prior.mean().item(),
                "vb": vb.mean(1).tolist(),
                "x0_mse": x0_mse.mean(1).tolist(),
                "eps_mse": eps_mse.mean(1).tolist(),
            }
        )
    write_safetensors(out / "elbo.safetensors", {"x_0": x_0, "eps": eps})
    write_json(out / "elbo.json", {"cases": cases})


# --- embedding.json ----------------------------------------------------------


def make_embedding(out):
    """embedding.json: sinusoidal timestep embeddings."""
    timesteps = [0, 1, 17, 999]
    cases = [
        {
            "dim": dim,
            "flip_sin_to_cos": flip,
            "freq_shift": shift,
            "embedding": get_timestep_embedding(torch.tensor(timesteps), dim, flip, shift).tolist(),
        }
        for dim, flip, shift in itertools.product((8, 12, 7), (False, True), (0, 1))
    ]
    write_json(out / "embedding.json", {"timesteps": timesteps, "cases": cases})


# --- Muon ----------------------------------------------------------------------


def make_muon(out):
    """Steps of torch.optim.Muon, whose Newton-Schulz iteration is kept from rounding to bfloat16."""
    generator = torch.Generator().manual_seed(0)
    tensors = {}
    for name, shape in {"wide": (24, 54), "tall": (40, 12), "square": (16, 16)}.items():
        value = torch.randn(shape, generator=generator)
        parameter = torch.nn.Parameter(value.clone())
        tensors[f"{name}.before"] = value
        optimizer = torch.optim.Muon(
            [parameter], lr=0.02, weight_decay=0.0, momentum=0.95, nesterov=True, adjust_lr_fn="original"
        )
        grads = torch.randn(3, *shape, generator=generator)
        tensors[f"{name}.grads"] = grads
        for grad in grads:
            parameter.grad = grad.clone()
            with mock.patch.object(torch, "bfloat16", torch.float32):
                optimizer.step()
        tensors[f"{name}.after"] = parameter.detach()
    write_safetensors(out / "muon.safetensors", tensors)


MAKERS = {
    "schedules": make_schedules,
    "trajectories": make_trajectories,
    "solvers": make_solvers,
    "edits": make_edits,
    "unet": make_unets,
    "elbo": make_elbo,
    "embedding": make_embedding,
    "muon": make_muon,
}


def main(out, *wanted):
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    for name in wanted or MAKERS:
        MAKERS[name](out)


if __name__ == "__main__":
    if len(sys.argv) < 2 or not set(sys.argv[2:]) <= set(MAKERS):
        sys.exit(__doc__)
    main(*sys.argv[1:])
