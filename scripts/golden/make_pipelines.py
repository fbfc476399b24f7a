"""Writes tests/golden/pipelines.json with Hugging Face diffusers.

Usage: make_pipelines.py OUT_DIR

tests/golden/README.md says what the file holds.
"""

import json
import sys
import tempfile
from pathlib import Path

import torch
from diffusers import (
    DDIMScheduler,
    DDPMPipeline,
    DDPMScheduler,
    DPMSolverMultistepScheduler,
    FlowMatchEulerDiscreteScheduler,
    HeunDiscreteScheduler,
    PNDMScheduler,
    UNet2DModel,
)
from make_golden import VERSIONS

# Where the processes are compared, in parts of their length.
PLACES = 5

UNET = {
    "sample_size": 16,
    "block_out_channels": (8, 16),
    "norm_num_groups": 4,
    "layers_per_block": 1,
    "down_block_types": ("DownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "UpBlock2D"),
}
ATTENTION = {
    "layers_per_block": 2,
    "down_block_types": ("DownBlock2D", "AttnDownBlock2D"),
    "up_block_types": ("AttnUpBlock2D", "UpBlock2D"),
    "attention_head_dim": None,
    "flip_sin_to_cos": False,
    "freq_shift": 1,
}

# Name, options of the network, scheduler.
PIPELINES = [
    ("defaults", {}, DDPMScheduler()),
    ("attention", ATTENTION, DDPMScheduler(beta_schedule="squaredcos_cap_v2")),
    (
        "v_zero_snr",
        {"add_attention": False},
        DDPMScheduler(
            200,
            beta_start=0.001,
            beta_end=0.05,
            beta_schedule="scaled_linear",
            prediction_type="v_prediction",
            variance_type="fixed_large",
            rescale_betas_zero_snr=True,
            timestep_spacing="trailing",
        ),
    ),
    (
        "learned_range",
        {"out_channels": 6},
        DDPMScheduler(
            beta_schedule="squaredcos_cap_v2",
            variance_type="learned_range",
            timestep_spacing="linspace",
        ),
    ),
    (
        "x_0_thresholding",
        {},
        DDPMScheduler(
            beta_schedule="sigmoid",
            prediction_type="sample",
            clip_sample=False,
            thresholding=True,
            dynamic_thresholding_ratio=0.9,
            sample_max_value=1.5,
        ),
    ),
    ("grey", {"in_channels": 1, "out_channels": 1}, DDPMScheduler()),
    (
        "alpha_learned_range",
        {"in_channels": 4, "out_channels": 8},
        DDPMScheduler(variance_type="learned_range"),
    ),
    ("flow", {}, FlowMatchEulerDiscreteScheduler()),
    ("flow_shift", {}, FlowMatchEulerDiscreteScheduler(500, shift=3.0)),
    ("ddim", {}, DDIMScheduler(clip_sample=False, timestep_spacing="trailing")),
    ("dpm_solver", {}, DPMSolverMultistepScheduler(beta_schedule="scaled_linear")),
    ("heun", {}, HeunDiscreteScheduler(prediction_type="v_prediction")),
]

# What cannot be had elsewhere: the word that a refusal must have, options of the network, scheduler.
REFUSED = [
    ("downsample_padding", {"downsample_padding": 0}, DDPMScheduler()),
    ("downsample_type", {"downsample_type": "resnet"}, DDPMScheduler()),
    ("resnet_time_scale_shift", {"resnet_time_scale_shift": "scale_shift"}, DDPMScheduler()),
    ("time_embedding_type", {"time_embedding_type": "fourier"}, DDPMScheduler()),
    ("act_fn", {"act_fn": "gelu"}, DDPMScheduler()),
    ("mid_block_type", {"mid_block_type": None}, DDPMScheduler()),
    ("ResnetDownsampleBlock2D", {"down_block_types": ("ResnetDownsampleBlock2D",) * 2}, DDPMScheduler()),
    ("in_channels", {"in_channels": 2, "out_channels": 2}, DDPMScheduler()),
    ("out_channels", {"in_channels": 1, "out_channels": 3}, DDPMScheduler()),
    ("sample_size", {"sample_size": (16, 24)}, DDPMScheduler()),
    ("trained_betas", {}, DDPMScheduler(trained_betas=[0.1, 0.2, 0.3])),
    ("laplace", {}, DDPMScheduler(beta_schedule="laplace")),
    ("learned", {"out_channels": 6}, DDPMScheduler(variance_type="learned")),
    ("clip_sample_range", {}, DDPMScheduler(clip_sample_range=2.0)),
    ("steps_offset", {}, DDIMScheduler(steps_offset=1)),
    ("PNDMScheduler", {}, PNDMScheduler()),
    ("shift_terminal", {}, FlowMatchEulerDiscreteScheduler(shift_terminal=0.02)),
    ("use_dynamic_shifting", {}, FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True)),
    (
        "use_flow_sigmas",
        {},
        DPMSolverMultistepScheduler(use_flow_sigmas=True, prediction_type="flow_prediction"),
    ),
]


def saved(options, scheduler):
    """The texts that `save_pretrained` writes, by their paths."""
    unet = UNet2DModel(**{**UNET, **options})
    pipeline = DDPMPipeline(unet=unet, scheduler=scheduler)
    with tempfile.TemporaryDirectory() as name:
        pipeline.save_pretrained(name)
        texts = sorted(Path(name).glob("**/*.json"))
        return {path.relative_to(name).as_posix(): path.read_text() for path in texts}


def process(scheduler):
    """The noise levels at a few timesteps: alphas_cumprod, or a flow's sigma."""
    flow = isinstance(scheduler, FlowMatchEulerDiscreteScheduler)
    # A flow's are stored noisiest first.
    values = scheduler.sigmas.flip(0) if flow else scheduler.alphas_cumprod
    count = scheduler.config.num_train_timesteps
    indices = torch.linspace(0, count - 1, PLACES).long()
    return {
        "indices": indices.tolist(),
        "sigmas" if flow else "alphas_cumprod": values[indices].tolist(),
    }


def main(out):
    values = {
        "versions": VERSIONS,
        "pipelines": [
            {"name": name, "files": saved(options, scheduler), **process(scheduler)}
            for name, options, scheduler in PIPELINES
        ],
        "refused": [
            {"word": word, "files": saved(options, scheduler)}
            for word, options, scheduler in REFUSED
        ],
    }
    text = json.dumps(values, indent=1, allow_nan=False)
    Path(out, "pipelines.json").write_text(text + "\n")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
