"""Calls of the native command line, each under a lock that keeps other work off the machine."""

import fcntl
import json
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from configurations import configuration


class CommandLine:
    """`unnoise` with everything it writes in `folder`.

    With a `lock`, calls hold it: one after another for `stretch` seconds and what the last of them
    takes beyond, after which others have `pause` seconds to take it.
    """

    def __init__(self, program: str, folder: Path, lock: str | None, stretch: float, pause: float):
        self.program, self.folder = program, folder
        self.lock, self.stretch, self.pause = lock, stretch, pause
        self.held, self.since = None, 0.0
        folder.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def alone(self):
        if self.lock and self.held is None:
            self.held = open(self.lock, "a")
            fcntl.flock(self.held, fcntl.LOCK_EX)
            self.since = time.monotonic()
        yield
        if self.held and time.monotonic() - self.since > self.stretch:
            self.held.close()
            self.held = None
            time.sleep(self.pause)

    def call(self, *words: object) -> str:
        line = ["nice", "-n", "5", self.program, *map(str, words)]
        return subprocess.run(line, check=True, capture_output=True, text=True).stdout

    def seconds_per_step(self, name: str, size: int, data: Path, steps: int) -> float:
        """The least time of a training step; other work can only add to it. Call it `alone`."""
        config, model = self.folder / "bench.json", self.folder / "bench.safetensors"
        config.write_text(json.dumps(configuration(name, size, seed=0)))
        self.call("train", "--data", data, "--config", config, "--steps", 1, "--out", model)
        report = json.loads(self.call("bench", "--model", model, "--steps", steps, "--json"))
        return min(report["training"]["ms"]) / 1000

    def train(self, name: str, size: int, seed: int, data: Path, steps: int) -> tuple[Path, float]:
        """The model's file and the mean loss of the last fifth of its steps."""
        stem = self.folder / f"{name.replace(' ', '-')}-{size}-{seed}"
        config, log, model = (stem.with_suffix(s) for s in (".json", ".jsonl", ".safetensors"))
        config.write_text(json.dumps(configuration(name, size, seed)))
        log.unlink(missing_ok=True)
        with self.alone():
            self.call("train", "--data", data, "--config", config, "--steps", steps,
                      "--log", log, "--out", model)  # fmt: skip
        losses = [json.loads(line)["loss"] for line in log.read_text().splitlines()]
        return model, float(np.mean(losses[-max(1, len(losses) // 5) :]))

    def sample(self, model: Path, options: list[str], count: int) -> np.ndarray:
        """`count` images [count, 3, size, size] around [-1, 1]."""
        out = model.with_suffix(".samples.safetensors")
        with self.alone():
            self.call("sample", "--model", model, *options, "--count", count, "--seed", 1, "--out", out)
        return load_file(out)["x_0"]
