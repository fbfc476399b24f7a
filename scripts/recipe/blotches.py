"""Does v-prediction cure the blotches that samplers of few steps leave on colour pictures?

    blotches.py --unnoise PROGRAM --data FACES --out FOLDER [--size 32] [--steps 1000]

Trains the default, which predicts v, and its twin that predicts eps for equal steps, writes a grid of each sampler's images to
FOLDER and prints a Markdown table of the shares of images with blotches.
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from command_line import CommandLine
from quality import share_saturated

SAMPLERS = {
    "DDIM 50": ["--sampler", "ddim", "--steps", "50"],
    "DDIM 20": ["--sampler", "ddim", "--steps", "20"],
    "DDPM 20": ["--sampler", "ddpm", "--steps", "20"],
    "DPM-Solver++ 20": ["--sampler", "dpmpp2m", "--steps", "20"],
}
COLUMNS = 8


def grid(images: np.ndarray) -> Image.Image:
    """Images [n, 3, s, s] in rows of COLUMNS, each pixel as four by four; n is a multiple of COLUMNS."""
    n, _, s, _ = images.shape
    rows = images.reshape(n // COLUMNS, COLUMNS, 3, s, s).transpose(0, 3, 1, 4, 2)
    pixels = rows.reshape(n // COLUMNS * s, COLUMNS * s, 3).clip(-1, 1) * 127.5 + 127.5
    return Image.fromarray(pixels.round().astype(np.uint8).repeat(4, 0).repeat(4, 1))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--unnoise", default="target/release/unnoise")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--count", type=int, default=64)
    parser.add_argument("--lock", help="a file to lock while the command line computes")
    parser.add_argument("--stretch", type=float, default=0, help="seconds to keep the lock for")
    parser.add_argument("--pause", type=float, default=0, help="seconds to leave the lock alone for after that")
    args = parser.parse_args()

    lab = CommandLine(args.unnoise, args.out, args.lock, args.stretch, args.pause)
    files = sorted(args.data.rglob("*.png"))
    pictures = [Image.open(f).convert("RGB").resize((args.size, args.size), Image.Resampling.BOX) for f in files]
    real = np.stack([np.asarray(p, np.float32) for p in pictures]).transpose(0, 3, 1, 2) / 127.5 - 1
    print("| prediction | loss | " + " | ".join(SAMPLERS) + " |")
    print("|---" * (len(SAMPLERS) + 2) + "|")
    print(f"| (the pictures) | | {share_saturated(real):.0%} |" + " |" * (len(SAMPLERS) - 1), flush=True)
    for prediction, name in {"v": "simple", "epsilon": "simple, epsilon"}.items():
        model, loss = lab.train(name, args.size, 0, args.data, args.steps)
        shares = []
        for sampler, options in SAMPLERS.items():
            images = lab.sample(model, options, args.count)
            grid(images).save(args.out / f"{prediction}-{sampler.replace(' ', '-')}.png")
            shares.append(f"{share_saturated(images):.0%}")
        print(f"| {prediction} | {loss:.4f} | " + " | ".join(shares) + " |", flush=True)


if __name__ == "__main__":
    main()
