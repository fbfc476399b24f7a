"""Trains every configuration for the same computing time and scores what each one draws.

    recipe.py --unnoise PROGRAM --data DIGITS --out FOLDER [--size 32] [--budget 100] [--names default simple]

DIGITS holds a folder of images for each class (scripts/make-samples/unpack.mjs). Results are lines of
FOLDER/results.jsonl; a run that was cut off goes on where it stopped. --table prints them as Markdown.
Needs numpy, pillow, safetensors and torch.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from PIL import Image

from command_line import CommandLine
from configurations import priced_as, samplers, variants
from quality import floor, frechet_distance, share_of_copies, train_classifier


def prepare(data: Path, folder: Path, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Writes the pictures at the size of training to `folder`, so that what the network sees and what
    it is compared with are the same. Images [n, 3, size, size] in [-1, 1] and their classes [n]."""
    images, classes = [], []
    for file in sorted(data.glob("*/*.png")):
        picture = Image.open(file).convert("RGB").resize((size, size), Image.Resampling.BOX)
        place = folder / file.parent.name / file.name
        place.parent.mkdir(parents=True, exist_ok=True)
        picture.save(place)
        images.append(np.asarray(picture, np.float32).transpose(2, 0, 1) / 127.5 - 1)
        classes.append(file.parent.name)
    return np.stack(images), np.unique(classes, return_inverse=True)[1]


def table(lines: list[dict]) -> str:
    """The results as Markdown, a row for each configuration and seed."""
    rows = [
        "| configuration | seed | ms a step | steps in budget | FD, DDPM 50 | FD, DPM-Solver++ 20 | copies | loss |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for r in lines:
        numbers = [f"{r['seconds_per_step'] * 1000:.0f}", str(r["steps"])]
        numbers += [f"{r['fd'][s]:.1f}" for s in ("ddpm", "dpmpp2m")]
        numbers += [f"{max(r['copies'].values()):.1%}", f"{r['loss']:.4f}"]
        rows.append(f"| {r['name']} | {r['seed']} | " + " | ".join(numbers) + " |")
    return "\n".join(rows)


def step_times(lab: CommandLine, args: argparse.Namespace, pictures: Path) -> dict[str, float]:
    """Seconds of a training step by `priced_as`, kept in a file: the least of rounds over all of them, so that
    a busy spell of the machine does not fall on one."""
    path = args.out / f"step-times-{args.size}.json"
    times = json.loads(path.read_text()) if path.exists() else {}
    missing = {priced_as(name) for name in args.names} - times.keys()
    for _ in range(args.bench_rounds if missing else 0):
        with lab.alone():
            for name in sorted(missing):
                seconds = lab.seconds_per_step(name, args.size, pictures, args.bench_steps)
                times[name] = min(seconds, times.get(name, seconds))
    path.write_text(json.dumps(times, indent=2))
    return times


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--unnoise", default="target/release/unnoise")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--budget", type=float, default=100, help="seconds of training on an idle machine")
    parser.add_argument("--count", type=int, default=512, help="images drawn with each sampler")
    parser.add_argument("--bench-steps", type=int, default=5)
    parser.add_argument("--bench-rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--names", nargs="+", choices=variants(), default=list(variants()))
    parser.add_argument("--lock", help="a file to lock while the command line computes")
    parser.add_argument("--stretch", type=float, default=0, help="seconds to keep the lock for")
    parser.add_argument("--pause", type=float, default=0, help="seconds to leave the lock alone for after that")
    parser.add_argument("--table", action="store_true", help="only print what is there")
    args = parser.parse_args()

    args.out.mkdir(parents=True, exist_ok=True)
    path = args.out / "results.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    if args.table:
        print(table(lines))
        return
    pictures = args.out / f"pictures-{args.size}"
    images, labels = prepare(args.data, pictures, args.size)
    classifier, accuracy = train_classifier(images, labels)
    real = classifier.features(images)
    print(f"classifier: {accuracy:.1%} on held-out images; floor of the FD: {floor(real):.2f}", flush=True)

    lab = CommandLine(args.unnoise, args.out, args.lock, args.stretch, args.pause)
    times = step_times(lab, args, pictures)
    done = {(r["name"], r["seed"]) for r in lines}
    for name in args.names:
        if (name, args.seed) in done:
            continue
        seconds = times[priced_as(name)]
        steps = round(args.budget / seconds)
        model, loss = lab.train(name, args.size, args.seed, pictures, steps)
        drawn = {s: lab.sample(model, options, args.count) for s, options in samplers(name).items()}
        result = {
            "name": name,
            "seed": args.seed,
            "seconds_per_step": seconds,
            "steps": steps,
            "loss": loss,
            "fd": {s: frechet_distance(classifier.features(x), real) for s, x in drawn.items()},
            "copies": {s: share_of_copies(x, images) for s, x in drawn.items()},
        }
        with path.open("a") as file:
            file.write(json.dumps(result) + "\n")
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
