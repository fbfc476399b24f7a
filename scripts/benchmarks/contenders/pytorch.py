"""PyTorch on the CPU: diffusers' UNet2DModel and torch's Adam, channels last.

usage: pytorch.py FOLDER THREADS STEPS; prints what `unnoise bench --json` prints.
"""

import json
import sys
import time

import torch
from diffusers import UNet2DModel
from safetensors.torch import load_file

folder, threads, steps = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
torch.set_num_threads(threads)

unet = UNet2DModel(
    sample_size=32,
    block_out_channels=(32, 64, 64),
    layers_per_block=1,
    norm_num_groups=8,
    down_block_types=("DownBlock2D",) * 3,
    up_block_types=("UpBlock2D",) * 3,
    add_attention=False,
)
weights = load_file(f"{folder}/model.safetensors")
unet.load_state_dict({name.removeprefix("ema."): value.float() for name, value in weights.items()})
unet = unet.to(memory_format=torch.channels_last)
batches = load_file(f"{folder}/batches.safetensors")
data = [
    (
        batches[f"x_t.{i}"].contiguous(memory_format=torch.channels_last),
        batches[f"target.{i}"].contiguous(memory_format=torch.channels_last),
        batches[f"timesteps.{i}"].long(),
    )
    for i in range(3)
]
optimizer = torch.optim.Adam(unet.parameters(), lr=1e-3)
losses = []


def train(step):
    x_t, target, timesteps = data[step % 3]
    loss = torch.nn.functional.mse_loss(unet(x_t, timesteps).sample, target)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())


@torch.no_grad()
def denoise(_):
    x_t, _, timesteps = data[0]
    return (x_t - 0.01 * unet(x_t, timesteps).sample).sum().item()


def timed(run):
    times = []
    for step in range(steps):
        start = time.perf_counter()
        run(step)
        times.append(1000 * (time.perf_counter() - start))
    return {"first_ms": times[0], "ms": times[1:]}


training = timed(train)
print(json.dumps({"training": training, "denoising": timed(denoise), "losses": losses}))
