"""accelerate launch -m unnoise.train --model MODEL --data DIR --out OUT"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from . import Refused

EXAMPLES = """\
Example, with eight GPUs:
  accelerate launch --multi_gpu --num_processes 8 --mixed_precision bf16 -m unnoise.train \\
      --model pipeline --data pictures/ --out trained.safetensors --steps 20000 --batch-size 512

Run the same command again after an interruption: it goes on where OUT.state was kept last."""


def parsed(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="accelerate launch -m unnoise.train",
        description="Train a model of Unnoise further, with diffusers and accelerate.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )

    def whole(text: str) -> int:
        if int(text) < 1:
            raise argparse.ArgumentTypeError("must be 1 or more")
        return int(text)

    def add(name: str, help: str, **options) -> None:
        parser.add_argument(name, help=help, **options)

    add("--model", "a model file, or a folder that diffusers loads", type=Path, required=True)
    add(
        "--data",
        "image files and folders of them, or the name of a data set for datasets.load_dataset",
        nargs="+",
        required=True,
    )
    add(
        "--out",
        "what to write: a model file if it ends in .safetensors, else a folder",
        type=Path,
        required=True,
    )
    add("--steps", "steps to take on top of those behind the model [1000]", type=whole, default=1000)
    add("--split", "which part of a data set [train]", default="train")
    add("--batch-size", "images per step of all processes together [the model's]", type=whole)
    add("--micro-batch", "images at a time, if a process has no room for its share", type=whole)
    add("--learning-rate", "Adam's step size [the model's, times √k for k times its batch]", type=float)
    add("--muon-learning-rate", "Muon's step size [likewise]", type=float)
    add("--ema-decay", "decay of the averaged weights [the model's, to the k-th power]", type=float)
    add("--save-every", "steps between two times that the run is kept [1000]", type=whole, default=1000)
    # Not --log, which torchrun would take for an abbreviation of its own options.
    add("--log-file", "write progress as JSON lines", type=Path)
    add("--log-every", "steps between two lines [10]", type=whole, default=10)
    return parser.parse_args(arguments)


def main() -> None:
    """Trains, or says in a sentence why not."""
    arguments = parsed()
    # What it imports takes seconds, and --help needs none of it.
    from .loop import Options, Run

    try:
        Run(Options(**vars(arguments))).train()
    except Refused as refusal:
        sys.exit(f"unnoise.train: {refusal}")


if __name__ == "__main__":
    main()
