"""Exports models and samples them with diffusers and with Unnoise, from the same noise.

Usage: check_diffusers.py UNNOISE

Prints the largest difference of each model's images in [-1, 1]; the exit status
is 1 if one is above TOLERANCE. `DDPMPipeline` does the sampling, unchanged but
for where its noise comes from.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from unittest import mock

import torch
from diffusers import DDIMScheduler, DDPMPipeline
from diffusers.pipelines.ddpm import pipeline_ddpm
from diffusers.schedulers import scheduling_ddpm
from diffusers.utils import logging
from safetensors.torch import load_file, save_file

TOLERANCE = 2e-3
COUNT = 4
SAMPLES = Path("web/samples")

# Processes of models trained here for the occasion, and the sampler that is the
# counterpart of the scheduler in their folder.
PROCESSES = {
    "v, zero terminal SNR": (
        "ddpm",
        {
            "prediction_type": "v_prediction",
            "beta_schedule": "scaled_linear",
            "rescale_betas_zero_snr": True,
            "variance_type": "fixed_large",
        },
    ),
    "learned variance": ("ddpm", {"variance_type": "learned_range"}),
    "x_0, thresholding, sigmoid": (
        "ddpm",
        {
            "prediction_type": "sample",
            "beta_schedule": "sigmoid",
            "thresholding": True,
            "dynamic_thresholding_ratio": 0.9,
            "sample_max_value": 1.5,
        },
    ),
    "eps": ("ddim", {"prediction_type": "epsilon"}),
    "eps, linear, not clipped": (
        "ddpm",
        {
            "prediction_type": "epsilon",
            "beta_schedule": "linear",
            "beta_end": 0.5,
            "clip_sample": False,
        },
    ),
    "rectified flow": (
        "euler-flow",
        {"prediction_type": "flow_prediction", "shift": 2.0},
    ),
}
# Channels of more such models, with what else is special about them.
CHANNELS = {
    "grey": (1, "v, zero terminal SNR"),
    "grey, learned variance": (1, "learned variance"),
    "alpha": (4, "eps"),
    "alpha, learned variance": (4, "learned variance"),
}
# Of these models, so that the last timestep is 0, where both leave out the noise.
TIMESTEPS = 40
# What the pipeline's pictures are to Pillow, by their channels.
MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def run(unnoise, *arguments):
    subprocess.run([unnoise, *map(str, arguments)], check=True, stderr=subprocess.PIPE)


def train(unnoise, folder, name, process, channels=3):
    """A model of `process` that has hardly learnt anything, of images with so many channels."""
    config = {
        "size": 8,
        "unet": {
            "block_out_channels": [8, 16],
            "norm_num_groups": 4,
            "add_attention": True,
            "in_channels": channels,
        },
        "scheduler": {"num_train_timesteps": TIMESTEPS, **process},
        "training": {"batch_size": 2},
    }
    (folder / "config.json").write_text(json.dumps(config))
    model = folder / f"{name}.safetensors"
    images = SAMPLES / "faces" / "sprites.png"
    config = folder / "config.json"
    run(unnoise, "train", "--data", images, "--config", config, "--steps", 40, "--out", model)
    return model


def difference(unnoise, folder, model, sampler, steps, pipeline=None):
    """The largest difference between the two sides' images; `pipeline` is the model as diffusers loads it,
    exported if it is not given."""
    if pipeline is None:
        pipeline = folder / "pipeline"
        run(unnoise, "export", "--model", model, "--out", pipeline, "--overwrite")
    pipe = DDPMPipeline.from_pretrained(pipeline)
    pipe.set_progress_bar_config(disable=True)
    channels = pipe.unet.config.in_channels
    assert pipe(batch_size=1, num_inference_steps=1).images[0].mode == MODES[channels]
    if sampler == "ddim":
        pipe.scheduler = DDIMScheduler.from_config(pipe.scheduler.config)

    size = pipe.unet.config.sample_size
    generator = torch.Generator().manual_seed(0)
    x_T = torch.randn(COUNT, channels, size, size, generator=generator)
    z = torch.randn(steps, COUNT, channels, size, size, generator=generator)
    noise, images = folder / "noise.safetensors", folder / "images.safetensors"
    save_file({"x_T": x_T, "z": z} if sampler == "ddpm" else {"x_T": x_T}, noise)
    run(
        unnoise, "sample", "--model", model, "--sampler", sampler, "--steps", steps,
        "--noise", noise, "--out", images,
    )  # fmt: skip

    given = iter(z)
    with (
        mock.patch.object(pipeline_ddpm, "randn_tensor", lambda *_, **__: x_T),
        mock.patch.object(scheduling_ddpm, "randn_tensor", lambda *_, **__: next(given)),
    ):
        theirs = pipe(batch_size=COUNT, num_inference_steps=steps, output_type="pt").images
    ours = load_file(images)["x_0"].clamp(-1, 1)
    return (theirs * 2 - 1 - ours).abs().max().item()


def main(unnoise):
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.set_num_threads(1)
    too_far = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cases = [
            (model.parent.name, model, "ddim", 50)
            for model in sorted(SAMPLES.glob("*/*.safetensors"))
        ]
        cases += [
            (name, train(unnoise, folder, index, process), sampler, TIMESTEPS)
            for index, (name, (sampler, process)) in enumerate(PROCESSES.items())
        ]
        for name, (channels, of) in CHANNELS.items():
            sampler, process = PROCESSES[of]
            model = train(unnoise, folder, name, process, channels)
            cases.append((name, model, sampler, TIMESTEPS))
        for name, model, sampler, steps in cases:
            found = difference(unnoise, folder, model, sampler, steps)
            print(f"{found:.1e}  {name} ({sampler}, {steps} steps)", flush=True)
            if not found <= TOLERANCE:
                too_far.append(name)
    if too_far:
        sys.exit(f"Above {TOLERANCE}: {', '.join(too_far)}.")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
