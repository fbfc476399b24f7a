"""Does v-prediction cure the blotches that samplers of few steps leave on colour pictures?

    blotches.py --unnoise PROGRAM --data FACES --out FOLDER [--size 32] [--steps 1000]

FACES are pictures of that size. Trains a network that predicts v with L_simple and its twin that predicts eps
for equal steps, writes a grid of each sampler's images to FOLDER and prints a Markdown table of the shares of
images with blotches.
"""

import argparse
from pathlib import Path

from command_line import CommandLine
from pictures import grid, read
from quality import share_saturated

SAMPLERS = {
    "DDIM 50": ["--sampler", "ddim", "--steps", "50"],
    "DDIM 20": ["--sampler", "ddim", "--steps", "20"],
    "DDPM 20": ["--sampler", "ddpm", "--steps", "20"],
    "DPM-Solver++ 20": ["--sampler", "dpmpp2m", "--steps", "20"],
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--unnoise", default="target/release/unnoise")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--count", type=int, default=64)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()

    lab = CommandLine(args.unnoise, args.out, args.threads)
    real, _ = read(args.data)
    print("| prediction | loss | " + " | ".join(SAMPLERS) + " |")
    print("|---" * (len(SAMPLERS) + 2) + "|")
    print(f"| (the pictures) | | {share_saturated(real):.0%} |" + " |" * (len(SAMPLERS) - 1), flush=True)
    for prediction, name in {"v": "simple", "epsilon": "simple, epsilon"}.items():
        model, loss = lab.train(name, args.size, 0, args.data, args.steps, prediction)
        shares = []
        for sampler, options in SAMPLERS.items():
            images = lab.sample(model, options, args.count)
            grid(images).save(args.out / f"{prediction}-{sampler.replace(' ', '-')}.png")
            shares.append(f"{share_saturated(images):.0%}")
        print(f"| {prediction} | {loss:.4f} | " + " | ".join(shares) + " |", flush=True)


if __name__ == "__main__":
    main()
