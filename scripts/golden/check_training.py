"""Trains with `python -m unnoise.train` and with Unnoise's command line, and compares.

Usage: check_training.py UNNOISE [PART...]

Prints the largest differences; the exit status is 1 if one is above its
tolerance. Models are tiny, and all is computed on the CPU.
"""

import contextlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
import torch
from check_diffusers import difference, run
from datasets import ClassLabel, Dataset, Features, disable_progress_bars
from datasets import Image as ImageColumn
from diffusers.utils import logging
from PIL import Image
from safetensors.torch import load_file, safe_open
from unnoise.train import Refused
from unnoise.train.loop import Options, Run

LOSS_TOLERANCE = 1e-4
SAMPLE_TOLERANCE = 2e-3
# Of images that are scaled down: pixels may be a level apart.
RESIZED_LOSS_TOLERANCE = 1e-3
SIZE = 8
T = 100

# What Muon, Adam, each prediction type and each weighting make of the same start.
PROCESSES = {
    "the default (v, min-SNR + 0.2, Muon), mirrored": ({}, {"random_flip": True}),
    "eps, linear, L_simple, Adam": (
        {"prediction_type": "epsilon", "beta_schedule": "linear", "beta_end": 0.2},
        {"optimizer": "adam", "loss_weighting": "simple"},
    ),
    "x_0, scaled linear, zero terminal SNR": (
        {
            "prediction_type": "sample",
            "beta_schedule": "scaled_linear",
            "beta_end": 0.2,
            "rescale_betas_zero_snr": True,
        },
        {},
    ),
    "eps, sigmoid, weights of the bound": (
        {
            "prediction_type": "epsilon",
            "beta_schedule": "sigmoid",
            "beta_end": 0.2,
            "variance_type": "fixed_large",
        },
        {"loss_weighting": "vlb", "optimizer": "adam"},
    ),
    "eps, learned variance": (
        {"prediction_type": "epsilon", "variance_type": "learned_range"},
        {"vlb_weight": 1e-2},
    ),
    "rectified flow, shift 2": ({"prediction_type": "flow_prediction", "shift": 2.0}, {}),
}
BEFORE, AFTER = 10, 20

PARTS = "processes labels folders other_images refusals interrupted guide".split()

# Processes that talk by gloo; `accelerate launch --cpu` starts one, whatever --num_processes says.
TWO_PROCESSES = [sys.executable, *"-m torch.distributed.run --standalone --nproc_per_node 2".split()]
TWO_PROCESSES += ["-m", "unnoise.train"]
ON_THE_CPU = {**os.environ, "ACCELERATE_USE_CPU": "true"}


class Check:
    """Everything happens in a folder of its own, with images in two sub-folders."""

    def __init__(self, unnoise, folder):
        self.unnoise, self.folder = unnoise, folder
        self.failed = []
        self.images = folder / "pictures"
        x, y = np.meshgrid(np.arange(SIZE), np.arange(SIZE))
        for index in range(12):
            image = np.stack([x * 9 * index, y * 30, (x + y) * index], axis=2) % 256
            path = self.images / ("cat" if index % 3 else "dog") / f"{index:02}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image.astype(np.uint8)).save(path)

    def report(self, name, found, tolerance):
        print(f"{found:.1e}  {name}", flush=True)
        if not found <= tolerance:
            self.failed.append(f"{name} is above {tolerance}")

    def start(self, name, scheduler=None, training=None, options=()):
        """A model that the command line has begun to train."""
        config = {
            "size": SIZE,
            "seed": 3,
            "unet": {"block_out_channels": [8, 16], "norm_num_groups": 4, "add_attention": True},
            "scheduler": {"num_train_timesteps": T, **(scheduler or {})},
            "training": {"batch_size": 8, "lr_warmup_steps": 15, **(training or {})},
        }
        (self.folder / "config.json").write_text(json.dumps(config))
        self.ours(f"{name}.safetensors", BEFORE, "--config", self.folder / "config.json", *options)
        return self.folder / f"{name}.safetensors"

    def ours(self, out, steps, *options, data=None):
        """Losses of the command line, by step."""
        log = self.folder / "ours.jsonl"
        log.unlink(missing_ok=True)
        run(
            self.unnoise, "train", "--data", data or self.images, "--out", self.folder / out,
            "--steps", steps, "--log", log, "--log-every", 1, *options,
        )  # fmt: skip
        return losses(log)

    def theirs(self, model, out, steps=AFTER, data=None, **options):
        """Losses of Python, in this process."""
        log = self.folder / "theirs.jsonl"
        given = dict(log_file=log, log_every=1, **options)
        with contextlib.redirect_stdout(None):
            Run(Options(model, [str(data or self.images)], self.folder / out, steps, **given)).train()
        return losses(log)

    def samples(self, model):
        """What the command line draws with a model's averaged weights."""
        out = self.folder / "samples.safetensors"
        drawn = "--sampler ddim --steps 20 --count 4 --out".split()
        run(self.unnoise, "sample", "--model", model, *drawn, out)
        return load_file(out)["x_0"]

    def compare(self, name, model, ours, theirs):
        """The losses of both, and what is drawn with what they made."""
        first = min(ours)
        self.report(f"first step's loss: {name}", abs(ours[first] - theirs[first]), LOSS_TOLERANCE)
        self.report(f"losses of {AFTER} steps: {name}", apart(ours, theirs), LOSS_TOLERANCE)
        found = (self.samples(self.folder / "ours.safetensors") - self.samples(model)).abs().max()
        self.report(f"samples after them: {name}", found.item(), SAMPLE_TOLERANCE)

    def processes(self):
        for name, (scheduler, training) in PROCESSES.items():
            model = self.start("start", scheduler, training)
            ours = self.ours("ours.safetensors", AFTER, "--resume", model)
            theirs = self.theirs(model, "theirs.safetensors")
            self.compare(name, self.folder / "theirs.safetensors", ours, theirs)

    def labels(self):
        model = self.start("labels", training={"class_dropout_prob": 0.3}, options=["--labels"])
        ours = self.ours("ours.safetensors", AFTER, "--resume", model)
        theirs = self.theirs(model, "theirs.safetensors")
        self.compare("labels", self.folder / "theirs.safetensors", ours, theirs)
        # The same images in the same order, as datasets has them.
        paths = sorted(self.images.rglob("*.png"))
        columns = {"image": [str(path) for path in paths], "label": [path.parent.name for path in paths]}
        names = ClassLabel(names=["dog", "cat"])
        features = Features({"image": ImageColumn(), "label": names})
        columns["label"] = [names.str2int(label) for label in columns["label"]]
        made = self.folder / "dataset"
        made.mkdir()
        Dataset.from_dict(columns, features=features).to_parquet(made / "train.parquet")
        found = self.theirs(model, "theirs.safetensors", data=made)
        self.report("losses with a data set in Parquet", apart(ours, found), LOSS_TOLERANCE)

    def folders(self):
        """export, train, import: nothing of a run is lost on the way."""
        model = self.start("begun", training={"random_flip": True})
        pipeline = self.folder / "exported"
        run(self.unnoise, "export", "--model", model, "--out", pipeline, "--training-state")
        ours = self.ours("ours.safetensors", AFTER, "--resume", model)
        theirs = self.theirs(pipeline, "trained", micro_batch=3)
        trained, back = self.folder / "trained", self.folder / "back.safetensors"
        run(self.unnoise, "import", "--model", trained, "--out", back)
        self.compare("from folder to folder, 3 images at a time", back, ours, theirs)
        found = difference(self.unnoise, self.folder, back, "ddpm", T, pipeline=trained)
        self.report("samples of diffusers and of Unnoise", found, SAMPLE_TOLERANCE)
        assert recipe(back) == recipe(model)
        # The command line goes on where Python stopped.
        straight = self.ours("on.safetensors", AFTER, "--resume", self.folder / "ours.safetensors")
        found = self.ours("on.safetensors", AFTER, "--resume", back)
        self.report("losses of the command line after Python", apart(straight, found), LOSS_TOLERANCE)
        # Weights alone, with which the optimizer starts afresh, in both.
        run(self.unnoise, "export", "--model", model, "--out", self.folder / "weights")
        alone = self.folder / "alone.safetensors"
        run(self.unnoise, "import", "--model", self.folder / "weights", "--out", alone)
        ours = self.ours("ours.safetensors", AFTER, "--resume", alone)
        theirs = self.theirs(self.folder / "weights", "theirs.safetensors")
        self.compare("from averaged weights alone", self.folder / "theirs.safetensors", ours, theirs)

    def other_images(self):
        """Images of other sizes and shapes, turned, transparent."""
        model = self.start("start")
        data = Path("tests/browser/images")
        chosen = self.folder / "others"
        chosen.mkdir()
        for name in ("rotated.jpg", "square.png", "tall.webp", "transparent.png", "wide.jpg"):
            shutil.copy(data / name, chosen)
        ours = self.ours("ours.safetensors", 5, "--resume", model, data=chosen)
        theirs = self.theirs(model, "theirs.safetensors", 5, data=chosen)
        self.report("losses of images that are scaled down", apart(ours, theirs), RESIZED_LOSS_TOLERANCE)

    def refusals(self):
        """What cannot be done is said, and nothing is written."""
        model = self.start("plain")
        labelled = self.start("labelled", options=["--labels"])
        flat = self.images / "cat"
        # An interrupted run.
        kept = Run(Options(model, [str(flat)], self.folder / "kept.safetensors", 5))
        kept._take_step()
        kept._save_state()
        for word, options in {
            "no model": Options(self.folder / "nowhere", [str(flat)], self.folder / "x", 1),
            "sub-folder": Options(labelled, [str(flat)], self.folder / "x", 1),
            "neither a folder": Options(model, [str(self.folder / "none")], self.folder / "x", 1),
            "at most 1": Options(model, [str(flat)], self.folder / "x", 1, learning_rate=2.0),
            "other settings": Options(model, [str(flat)], self.folder / "kept.safetensors", 5, batch_size=4),
        }.items():
            try:
                Run(options)
            except Refused as refusal:
                assert word in str(refusal), refusal
            else:
                raise AssertionError(f"not refused: {word}")
        assert not (self.folder / "x").exists()
        on = Run(Options(model, [str(flat)], self.folder / "kept.safetensors", 5))
        assert on.step == kept.step == BEFORE + 1
        print("five refusals", flush=True)

    def interrupted(self):
        """A run of two processes that is killed, beside one of one process that is not."""
        model = self.start("start", training={"random_flip": True})
        steps = 60
        straight = self.theirs(model, "straight.safetensors", steps)
        out, log = self.folder / "killed.safetensors", self.folder / "killed.jsonl"
        options = ["--model", model, "--data", self.images, "--out", out, "--log-file", log, "--steps", steps]
        command = [*TWO_PROCESSES, *map(str, options), *"--save-every 10 --log-every 1".split()]
        quiet = dict(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        process = subprocess.Popen(command, env=ON_THE_CPU, **quiet)
        while process.poll() is None and not (log.exists() and len(losses(log)) >= 25):
            time.sleep(0.01)
        family = psutil.Process(process.pid)
        for one in [*family.children(recursive=True), family]:
            one.kill()
        process.wait()
        before = losses(log)
        assert len(before) < steps, "it was killed too late"
        said = subprocess.run(command, env=ON_THE_CPU, check=True, capture_output=True, text=True).stdout
        assert re.search(r"8 a step on 2 processes \(cpu\), from step [2-6]0\n", said), said
        after = losses(log)
        assert len(after) == steps and not Path(f"{out}.state").exists()
        self.report(f"losses of two processes, killed after {len(before)} of {steps} steps",
                    apart(straight, after), LOSS_TOLERANCE)  # fmt: skip
        found = self.samples(self.folder / "straight.safetensors") - self.samples(out)
        self.report("samples after them", found.abs().max().item(), SAMPLE_TOLERANCE)

    def guide(self):
        """The commands of docs/python.md, on two processes of the CPU in place of GPUs."""
        self.start("model")
        programs = self.folder / "programs"
        programs.mkdir()
        (programs / "unnoise").symlink_to(Path(self.unnoise).resolve())
        environment = {**ON_THE_CPU, "PATH": f"{programs}:{os.environ['PATH']}"}
        blocks = re.findall(r"^```sh\n(.*?)^```$", Path("docs/python.md").read_text(), re.M | re.S)
        done = 0
        for line in "".join(blocks).replace("\\\n", " ").splitlines():
            if line.startswith("pip ") or not line.strip():
                continue
            words = shlex.split(line, comments=True)
            if words[0] == "accelerate":
                words = shortened(words)
            subprocess.run(words, cwd=self.folder, env=environment, check=True, stdout=subprocess.DEVNULL)
            done += 1
        print(f"{done} commands of docs/python.md ran", flush=True)


def shortened(words):
    """A command of accelerate's, but for a few steps of small batches of two processes of the CPU."""
    options = words[words.index("unnoise.train") + 1 :]
    for option, value in {"--steps": "4", "--batch-size": "16"}.items():
        if option in options:
            options[options.index(option) + 1] = value
    return [*TWO_PROCESSES, *options]


def losses(log):
    """Losses by step, of a run that went on the later ones."""
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.endswith("}")]
    return {line["step"]: line["loss"] for line in lines}


def apart(ours, theirs):
    """The largest difference of losses of the same steps, of losses above 1 relatively: a learned variance
    can cost a hundred."""
    assert ours.keys() == theirs.keys(), (ours.keys(), theirs.keys())
    return max(abs(ours[step] - theirs[step]) / max(1, ours[step]) for step in ours)


def recipe(model):
    """How a model file says that its network is trained."""
    with safe_open(model, "pt") as file:
        return json.loads(file.metadata()["training"])


def main(unnoise):
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    disable_progress_bars()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        check = Check(unnoise, Path(name))
        parts = sys.argv[2:] or PARTS
        for part in parts:
            getattr(check, part)()
    if check.failed:
        sys.exit("; ".join(check.failed))


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(sys.argv[1])
