"""The default network in plain PyTorch, timed on CUDA beside Unnoise.

usage: torch_unet.py eager|compile BATCH,BATCH...; prints a JSON object per line.

A training step draws timesteps and noise, mixes them with images, and takes a step of Adam and of
the moving average of the weights, as Unnoise's does; a denoising step is one of DDIM's. Nothing is
read until the end.
"""

import json
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

GROUPS = 8
WIDTHS = (32, 64, 64)
SIZE = 32
STEPS = 50


class ResnetBlock(nn.Module):
    """Two convolutions with the time embedding between them, around a shortcut."""

    def __init__(self, channels_in, channels, embedding):
        super().__init__()
        self.norm1 = nn.GroupNorm(GROUPS, channels_in)
        self.conv1 = nn.Conv2d(channels_in, channels, 3, padding=1)
        self.time = nn.Linear(embedding, channels)
        self.norm2 = nn.GroupNorm(GROUPS, channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        same = channels_in == channels
        self.shortcut = nn.Identity() if same else nn.Conv2d(channels_in, channels, 1)

    def forward(self, x, embedding):
        h = self.conv1(F.silu(self.norm1(x))) + self.time(F.silu(embedding))[:, :, None, None]
        return self.shortcut(x) + self.conv2(F.silu(self.norm2(h)))


class UNet(nn.Module):
    """diffusers' UNet2DModel with block_out_channels 32, 64, 64 and one layer per block."""

    def __init__(self):
        super().__init__()
        first, embedding = WIDTHS[0], 4 * WIDTHS[0]
        self.time = nn.Sequential(
            nn.Linear(first, embedding), nn.SiLU(), nn.Linear(embedding, embedding)
        )
        self.conv_in = nn.Conv2d(3, first, 3, padding=1)
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        self.downsample, self.upsample = nn.ModuleList(), nn.ModuleList()
        skips, channels = [first], first
        for level, width in enumerate(WIDTHS):
            self.down.append(ResnetBlock(channels, width, embedding))
            channels = width
            skips.append(channels)
            if level < len(WIDTHS) - 1:
                self.downsample.append(nn.Conv2d(channels, channels, 3, 2, 1))
                skips.append(channels)
        self.middle = nn.ModuleList(ResnetBlock(channels, channels, embedding) for _ in range(2))
        for level, width in enumerate(reversed(WIDTHS)):
            blocks = nn.ModuleList()
            for _ in range(2):
                blocks.append(ResnetBlock(channels + skips.pop(), width, embedding))
                channels = width
            self.up.append(blocks)
            if level < len(WIDTHS) - 1:
                self.upsample.append(nn.Conv2d(channels, channels, 3, padding=1))
        self.norm_out = nn.GroupNorm(GROUPS, channels)
        self.conv_out = nn.Conv2d(channels, 3, 3, padding=1)

    def forward(self, x, t):
        half = WIDTHS[0] // 2
        frequencies = torch.exp(-9.210340371976184 * torch.arange(half, device=x.device) / half)
        angles = t[:, None].float() * frequencies
        embedding = self.time(torch.cat([angles.cos(), angles.sin()], 1))
        x = self.conv_in(x)
        skips = [x]
        for level, block in enumerate(self.down):
            x = block(x, embedding)
            skips.append(x)
            if level < len(self.downsample):
                x = self.downsample[level](x)
                skips.append(x)
        for block in self.middle:
            x = block(x, embedding)
        for level, blocks in enumerate(self.up):
            for block in blocks:
                x = block(torch.cat([x, skips.pop()], 1), embedding)
            if level < len(self.upsample):
                x = self.upsample[level](F.interpolate(x, scale_factor=2.0))
        return self.conv_out(F.silu(self.norm_out(x)))


def measure(batch, tf32, half, layout, mode):
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = tf32
    torch.backends.cudnn.benchmark = True
    if mode:
        torch.compiler.reset()
    place = {"device": "cuda", "memory_format": layout}
    unet = UNet().to(**place)
    network = torch.compile(unet, mode=mode) if mode else unet
    parameters = list(unet.parameters())
    averages = [parameter.detach().clone() for parameter in parameters]
    optimizer = torch.optim.Adam(parameters, lr=1e-3, fused=True)
    images = torch.rand(batch, 3, SIZE, SIZE).to(**place) * 2 - 1
    alphas = torch.cos(torch.linspace(0, 1.57, 1000, device="cuda")) ** 2
    precision = torch.autocast("cuda", torch.float16, enabled=half)
    scaler = torch.amp.GradScaler("cuda", enabled=half)

    def train():
        t = torch.randint(0, 1000, (batch,), device="cuda")
        noise = torch.randn_like(images)
        alpha = alphas[t][:, None, None, None]
        x_t = alpha.sqrt() * images + (1 - alpha).sqrt() * noise
        optimizer.zero_grad(set_to_none=True)
        with precision:
            loss = F.mse_loss(network(x_t, t).float(), noise)
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        torch._foreach_lerp_(averages, [parameter.data for parameter in parameters], 0.001)
        return loss

    x = torch.randn_like(images)
    now = torch.full((batch,), 500, device="cuda")

    @torch.no_grad()
    def denoise():
        with precision:
            eps = network(x, now).float()
        pred_x0 = ((x - 0.7 * eps) / 0.714).clamp(-1, 1)
        return 0.715 * pred_x0 + 0.699 * eps

    def timed(step):
        for _ in range(10):
            step()
        torch.cuda.synchronize()
        start = time.perf_counter()
        for _ in range(STEPS):
            step()
        torch.cuda.synchronize()
        return 1000 * (time.perf_counter() - start) / STEPS

    return {"training_ms": timed(train), "denoising_ms": timed(denoise)}


def main():
    kind, batches = sys.argv[1], [int(batch) for batch in sys.argv[2].split(",")]
    if not torch.cuda.is_available():
        sys.exit("PyTorch sees no CUDA")
    count = sum(parameter.numel() for parameter in UNet().parameters())
    name = torch.cuda.get_device_name()
    channels_last, contiguous = torch.channels_last, torch.contiguous_format
    if kind == "eager":
        variants = [
            ("eager", False, False, contiguous, None),
            ("eager, channels last", False, False, channels_last, None),
            ("eager, TF32", True, False, channels_last, None),
            ("eager, fp16", False, True, channels_last, None),
        ]
    else:
        variants = [
            ("compile", False, False, channels_last, "default"),
            ("compile, CUDA graphs", False, False, channels_last, "reduce-overhead"),
        ]
    for variant, *options in variants:
        for batch in batches:
            row = {"variant": variant, "batch": batch, "parameters": count, "device": name}
            try:
                row |= measure(batch, *options)
            except Exception as error:  # pylint: disable=broad-except
                row["error"] = str(error).strip().splitlines()[0][:200]
            print(json.dumps(row), flush=True)


main()
