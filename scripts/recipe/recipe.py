"""Compares training recipes: how good is what a model has learned and draws after how many steps?

    node data/make.mjs DATA --size 32                             (in scripts/recipe, after npm ci in data)
    recipe.py --unnoise PROGRAM --data DATA --out OUT --names old --multiples 0.5 1 2 4 8 --seeds 0 1 2
    recipe.py --unnoise PROGRAM --data DATA --out OUT --names muon "muon, floor 0.1" --seeds 0 1 2
    recipe.py --out OUT --tables

Runs go one after the other, each with --threads threads. A run that was cut off is repeated, what is in
OUT/results.jsonl is not; a second recipe.py with the same OUT takes the runs that the first leaves. OUT/grids
has pictures of every run. Needs numpy, pillow, safetensors and scikit-learn.
"""

import argparse
import fcntl
import json
import re
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np

import tables
from classifier import Classifier
from command_line import CommandLine, stem
from configurations import OLD, SAMPLERS, configuration, priced_as, sampler_options, variants
from pictures import grid, read
from quality import floor, frechet_distance, similarity

SETS = ["digits", "faces", "sprites", "flags", "icons", "photographs"]
# t / T: the middles of ten strata, whose mean is that over all t, and one more for the highest noise.
LEVELS = [0.05, 0.15, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 0.95, 0.99]
STEPS = 376  # 100 seconds of the old recipe at 32 x 32 on two cores


@dataclass
class Set:
    """Images that runs are trained on and measured with."""

    train: Path
    held_out: Path
    shown: np.ndarray
    real: np.ndarray
    """All images, held out or not: those of the distribution that a model should have learned."""
    classifier: Classifier | None


def set_name(text: str) -> str:
    if not re.fullmatch(rf"({'|'.join(SETS)})(@[1-9]\d*)?", text):
        raise argparse.ArgumentTypeError(f"{text} is none of {', '.join(SETS)}, nor one of them @ a number.")
    return text


def some_of(train: Path, count: int, to: Path) -> Path:
    """`to` with `count` of the images of `train`, evenly spread over them."""
    files = sorted(train.rglob("*.png"))
    if count > len(files):
        raise SystemExit(f"{train} has {len(files)} images, not {count}.")
    to.mkdir(parents=True, exist_ok=True)
    for index in range(count):
        file = files[index * len(files) // count]
        shutil.copy(file, to / file.relative_to(train).as_posix().replace("/", "-"))
    return to


def open_set(args: argparse.Namespace, name: str) -> Set:
    """The images of `name`, such as "faces", or "faces@20" for training on 20 of them."""
    whole, _, count = name.partition("@")
    train, held_out = (args.data / f"{whole}-{args.size}" / part for part in ("train", "held-out"))
    if not train.exists():
        raise SystemExit(f"{train} does not exist: make it with data/make.mjs --size {args.size}.")
    if count:
        some = some_of(train, int(count), args.out / "subsets" / f"{name}-{args.size}")
        real = np.concatenate([read(train)[0], read(held_out)[0]])
        return Set(some, held_out, read(some)[0], real, None)
    (shown, labels), (others, other_labels) = read(train), read(held_out)
    classifier = None
    if labels is not None:
        classifier = Classifier(shown, labels)
        accuracy = classifier.accuracy(others, other_labels)
        least = floor(frechet_distance, classifier.features(np.concatenate([shown, others])))
        print(f"{name}: the classifier is right on {accuracy:.1%} of held-out images; least FD {least:.2f}")
    return Set(train, held_out, shown, np.concatenate([shown, others]), classifier)


def timesteps(name: str, size: int, steps: int) -> list[int]:
    """LEVELS as timesteps of the variant."""
    count = configuration(name, size, 0, steps).get("scheduler", {}).get("num_train_timesteps", 1000)
    return [round(u * count) for u in LEVELS]


def scores(samples: np.ndarray, images: Set) -> dict[str, float]:
    found = similarity(samples, images.real, images.shown)
    if images.classifier:
        features = images.classifier.features
        found["fd"] = frechet_distance(features(samples.clip(-1, 1)), features(images.real))
    return found


class Results:
    """The lines of a file that several processes add to."""

    def __init__(self, folder: Path):
        self.path, self.claims = folder / "results.jsonl", folder / "claims"

    def lines(self) -> list[dict]:
        return [json.loads(line) for line in self.path.read_text().splitlines()] if self.path.exists() else []

    def add(self, result: dict):
        with self.path.open("a") as file:
            file.write(json.dumps(result) + "\n")

    @contextmanager
    def claim(self, run: str, wait: bool):
        """Whether this run is now this process's alone; others are waited for, or make it False."""
        self.claims.mkdir(parents=True, exist_ok=True)
        with (self.claims / run).open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
                mine = True
            except BlockingIOError:
                mine = False
            yield mine


def run(
    lab: CommandLine, results: Results, images: Set, args, job: tuple[int, int, str, str], wait: bool
) -> bool:
    """Trains a variant and measures it, where that is not yet done. False where another process is at it."""
    seed, steps, name, data = job
    files = stem(name, data, args.size, seed)
    with results.claim(files, wait) as mine:
        if not mine:
            return False
        key = {"data": data, "name": name, "size": args.size, "seed": seed}
        done = [line["steps"] for line in results.lines() if key.items() <= line.items()]
        if steps in done:
            return True
        model, loss = lab.train(name, args.size, seed, images.train, steps, files, done)
        errors = lab.errors(model, images.held_out, timesteps(name, args.size, steps))
        result = {**key, "steps": steps, "loss": loss}
        result |= {"levels": LEVELS, "v_mse": errors["v_mse"], "x0_mse": errors["x0_mse"]}
        for sampler in args.samplers:
            samples = lab.sample(model, sampler_options(name, sampler), args.count)
            for measure, value in scores(samples, images).items():
                result.setdefault(measure, {})[sampler] = value
            place = args.out / "grids"
            place.mkdir(exist_ok=True)
            grid(samples[:32]).save(place / f"{files}-{steps}-{sampler}.png")
        results.add(result)
        found = {measure: round(value, 4) for measure, value in tables.measures(result).items()}
        print(data, name, f"seed {seed}, {steps} steps:", found, flush=True)
    return True


def step_times(lab: CommandLine, args) -> dict[str, float]:
    """Seconds of a training step by variant, kept in a file: those given, and with --bench the least of rounds
    over all, so that a busy spell of the machine does not fall on one."""
    path = args.out / f"step-times-{args.size}.json"
    times = json.loads(path.read_text()) if path.exists() else {}
    for name, seconds in args.seconds_per_step:
        times[name] = seconds
    wanted = sorted({priced_as(name) for name in args.names} - times.keys()) if args.bench else []
    for _ in range(args.bench):
        for name in wanted:
            seconds = lab.seconds_per_step(name, args.size, 5)
            times[name] = min(seconds, times.get(name, seconds))
    # Another process may be reading it.
    if wanted or args.seconds_per_step:
        path.write_text(json.dumps(times, indent=2))
    return times


def named_seconds(text: str) -> tuple[str, float]:
    name, _, seconds = text.rpartition("=")
    if name not in variants():
        raise argparse.ArgumentTypeError(f"NAME=SECONDS is needed with the name of a variant, not {text}.")
    return name, float(seconds)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--unnoise", default="target/release/unnoise")
    parser.add_argument("--data", type=Path, help="where data/make.mjs has written")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--sets", nargs="+", type=set_name, default=SETS, metavar="SET",
                        help=f"of {', '.join(SETS)}; faces@20 trains on 20 of the faces")  # fmt: skip
    parser.add_argument("--names", nargs="+", choices=variants(), default=[OLD], metavar="NAME")
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--multiples", type=float, nargs="+", default=[1.0], help="of --steps")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--samplers", nargs="+", choices=SAMPLERS, default=["dpmpp2m"])
    parser.add_argument("--count", type=int, default=256, help="images drawn with each sampler")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--unknown", nargs="*", default=[], metavar="FIELD",
                        help="fields of training that the program does not know yet")  # fmt: skip
    parser.add_argument("--bench", type=int, default=0, metavar="ROUNDS", help="time the variants' steps")
    parser.add_argument(
        "--seconds-per-step", type=named_seconds, nargs="+", default=[], metavar="NAME=SECONDS"
    )
    parser.add_argument("--tables", action="store_true", help="only print what is there")
    args = parser.parse_args()

    args.out.mkdir(parents=True, exist_ok=True)
    results = Results(args.out)
    lab = CommandLine(args.unnoise, args.out / "runs", args.threads, tuple(args.unknown))
    times = step_times(lab, args)
    if args.tables:
        lines = results.lines()
        print(tables.distances(lines, args.size), tables.levels(lines, args.size),
              tables.speedups(lines, args.size, times), sep="\n\n")  # fmt: skip
        return
    if not args.data:
        parser.error("--data is needed, but for --tables.")
    sets = {name: open_set(args, name) for name in args.sets}
    lengths = sorted(round(args.steps * multiple) for multiple in args.multiples)
    jobs = list(product(args.seeds, lengths, args.names, args.sets))
    left = [job for job in jobs if not run(lab, results, sets[job[-1]], args, job, wait=False)]
    # In case the process that was at them has been ended.
    for job in left:
        run(lab, results, sets[job[-1]], args, job, wait=True)


if __name__ == "__main__":
    main()
