"""Calls of the native command line."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from configurations import configuration, knows_its_end


def stem(name: str, data: str, size: int, seed: int) -> str:
    """What the files of a variant's runs are called after."""
    return f"{data}-{size}-{name.replace(', ', '_').replace(' ', '-')}-{seed}"


class CommandLine:
    """`unnoise`, which computes with `threads` threads and keeps what it writes in `folder`.

    The configurations' fields of training that are in `unknown` are left out, for a program that does
    not have them yet.
    """

    def __init__(self, program: str, folder: Path, threads: int = 1, unknown: tuple[str, ...] = ()):
        self.program, self.folder, self.threads, self.unknown = program, folder, threads, unknown
        folder.mkdir(parents=True, exist_ok=True)

    def call(self, *words: object) -> str:
        line = [self.program, *map(str, words)]
        environment = {**os.environ, "RAYON_NUM_THREADS": str(self.threads)}
        done = subprocess.run(line, capture_output=True, text=True, env=environment)
        if done.returncode:
            raise SystemExit(f"{' '.join(line)}\n{done.stderr.strip()}")
        return done.stdout

    def write_configuration(self, path: Path, name: str, size: int, seed: int, steps: int):
        fields = configuration(name, size, seed, steps)
        for field in self.unknown:
            fields.get("training", {}).pop(field, None)
        path.write_text(json.dumps(fields))

    def seconds_per_step(self, name: str, size: int, steps: int) -> float:
        """The least time of a training step; other work can only add to it."""
        config = self.folder / f"bench-{os.getpid()}.json"
        self.write_configuration(config, name, size, 0, steps)
        report = json.loads(self.call("bench", "--config", config, "--steps", steps, "--json"))
        config.unlink()
        return min(report["training"]["ms"]) / 1000

    def train(
        self, name: str, size: int, seed: int, data: Path, steps: int, stem: str, done: list[int] = ()
    ) -> tuple[Path, float]:
        """The model's file after `steps` and the mean loss of their last fifth. Training goes on from
        the longest of the variant's shorter runs, of which `done` has the lengths, where that is the
        same: runs may be taken in pieces, bit for bit."""
        base = self.folder / stem
        model = base.with_name(f"{stem}-{steps}.safetensors")
        log = base.with_name(f"{stem}-{steps}.jsonl")
        earlier = [] if knows_its_end(name) else [d for d in done if d < steps]
        before = base.with_name(f"{stem}-{max(earlier)}.safetensors") if earlier else None
        if before and before.exists():
            shutil.copy(before.with_suffix(".jsonl"), log)
            start, left = ["--resume", before], steps - max(earlier)
        else:
            config = base.with_name(f"{stem}-{steps}.json")
            self.write_configuration(config, name, size, seed, steps)
            log.unlink(missing_ok=True)
            # All sets alike, the grey digits too.
            start, left = ["--config", config, "--channels", 3], steps
        self.call("train", "--data", data, *start, "--steps", left, "--log", log, "--out", model)
        losses = [json.loads(line)["loss"] for line in log.read_text().splitlines()]
        return model, float(np.mean(losses[-max(1, len(losses) // 5) :]))

    def sample(self, model: Path, options: list[str], count: int) -> np.ndarray:
        """`count` images [count, 3, size, size] around [-1, 1]."""
        out = model.with_suffix(".samples.safetensors")
        self.call("sample", "--model", model, *options, "--count", count, "--seed", 1, "--out", out)
        images = load_file(out)["x_0"]
        out.unlink()
        return images

    def errors(self, model: Path, data: Path, timesteps: list[int]) -> dict[str, list[float]]:
        """Mean squared errors on the images of `data` at `timesteps`, with the same noise every time:
        x0_mse, eps_mse and v_mse, a number for each timestep."""
        listed = ",".join(map(str, timesteps))
        return json.loads(self.call("eval", "--model", model, "--data", data, "--timesteps", listed))
