"""The training loop (Ho et al. 2020, algorithm 1), on as many processes as `accelerate launch` starts."""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from accelerate import Accelerator
from diffusers import UNet2DModel
from torch import Tensor
from torch.optim.swa_utils import get_ema_multi_avg_fn

from . import Refused, model_file, pictures
from .batch import Batch, Batches
from .model_file import Model
from .optimizer import MuonAndAdam
from .process import Process
from .recipe import Recipe


@dataclass(frozen=True)
class Options:
    """What is asked for on the command line."""

    model: Path
    data: list[str]
    out: Path
    steps: int
    split: str = "train"
    batch_size: int | None = None
    micro_batch: int | None = None
    learning_rate: float | None = None
    muon_learning_rate: float | None = None
    ema_decay: float | None = None
    save_every: int = 1000
    log_file: Path | None = None
    log_every: int = 10

    def recipe(self, model: Model) -> Recipe:
        """The model's, for the batch that is asked for, and with the numbers that are."""
        recipe = Recipe.of(model.training)
        if self.batch_size is not None:
            recipe = recipe.with_batch(self.batch_size)
        given = {
            "learning_rate": self.learning_rate,
            "muon_learning_rate": self.muon_learning_rate,
            "ema_max_decay": self.ema_decay,
        }
        recipe = replace(recipe, **{name: value for name, value in given.items() if value is not None})
        recipe.check()
        return recipe


class Run:
    """A run from a model on, or from where it was interrupted."""

    def __init__(self, options: Options):
        self.options = options
        self.accelerator = Accelerator()
        self.model = model_file.read(options.model)
        self.recipe = options.recipe(self.model)
        self.step = self.model.step
        self.last = self.step + options.steps
        self.items = self._own_items()
        device = self.accelerator.device
        self.process = Process(self.model.scheduler, self.recipe).to(device)
        self.batches = Batches(
            pictures=pictures.read(options.data, self.model.size, options.split, self.model.class_names()),
            recipe=self.recipe,
            seed=self.model.seed,
            timesteps=self.process.steps,
            null_class=self.model.null_class,
            device=device,
        )
        unet = UNet2DModel.from_config(self.model.unet)
        unet.load_state_dict(self.model.raw)
        unet.to(device)
        optimizer = self._optimizer(unet)
        self.unet, self.optimizer = self.accelerator.prepare(unet, optimizer)
        self.ema = UNet2DModel.from_config(self.model.unet)
        self.ema.load_state_dict(self.model.ema)
        self.ema.requires_grad_(False).to(device)
        self.accelerator.register_for_checkpointing(self.ema, self)
        kept = self._kept_states()
        if kept:
            self.accelerator.load_state(str(kept[-1]))
        step = torch.tensor([self.step], device=device)
        if not (self.accelerator.gather(step) == step).all():
            raise Refused(
                f"Not every process found the same in {self.state_folder}: with several machines, --out must "
                "be in a folder that all of them share."
            )

    @property
    def state_folder(self) -> Path:
        """Where an interrupted run is kept; it is removed once the run is complete."""
        return self.options.out.with_name(f"{self.options.out.name}.state")

    def _kept_states(self) -> list[Path]:
        """Complete ones, the newest last."""
        return sorted(self.state_folder.glob("step-" + "[0-9]" * 12))

    def state_dict(self) -> dict:
        """What accelerate keeps of the run itself."""
        return {"step": self.step, "is": self._identity()}

    def load_state_dict(self, state: dict) -> None:
        """Goes on at the step that was kept, unless that was another run's."""
        if state["is"] != self._identity():
            raise Refused(
                f"{self.state_folder} is of an interrupted run with other settings: {state['is']}. Give the "
                "same again to go on with it, or remove it."
            )
        self.step = state["step"]

    def _identity(self) -> str:
        return f"steps {self.model.step} to {self.last}, seed {self.model.seed}, {self.recipe}"

    def _own_items(self) -> range:
        """The part of every batch that is this process's."""
        size, processes = self.recipe.batch_size, self.accelerator.num_processes
        own, rest = divmod(size, processes)
        if rest:
            raise Refused(
                f"A batch of {size} cannot be divided among {processes} processes; give a --batch-size that "
                f"is a multiple of {processes}."
            )
        first = own * self.accelerator.process_index
        return range(first, first + own)

    def _optimizer(self, unet: UNet2DModel) -> MuonAndAdam:
        """With the moments of the model, if it has them."""
        named = dict(unet.named_parameters())
        optimizer = MuonAndAdam(named.items(), self.recipe)
        optimizer.taken = self.model.step - self.model.moments_since
        for moment in ("exp_avg", "exp_avg_sq"):
            for name, value in (getattr(self.model, moment) or {}).items():
                optimizer.state[named[name]][moment].copy_(value)
        return optimizer

    def train(self) -> None:
        """Takes the steps that are left, and writes the model."""
        log, options = Log(self), self.options
        self.accelerator.print(self._described())
        while self.step < self.last:
            log.add(self._take_step())
            if self.step % options.log_every == 0 or self.step == self.last:
                log.write()
            if self.step % options.save_every == 0 and self.step < self.last:
                self._save_state()
        self._write_model()
        self.accelerator.wait_for_everyone()
        if self.accelerator.is_main_process:
            shutil.rmtree(self.state_folder, ignore_errors=True)
        self.accelerator.end_training()

    def _described(self) -> str:
        model, processes = self.model, self.accelerator.num_processes
        return (
            f"{len(self.batches.pictures)} images at {model.size} × {model.size} pixels, "
            f"{self.recipe.batch_size} a step on {processes} process{'es' * (processes > 1)} "
            f"({self.accelerator.device.type}), from step {self.step}\n"
            f"learning rates {self.recipe.learning_rate:.3g} and {self.recipe.muon_learning_rate:.3g} "
            f"(Muon), decay of the average {self.recipe.ema_max_decay:.4g}"
        )

    def _take_step(self) -> Tensor:
        """Takes one optimizer step; gives the mean loss of this process's items."""
        total = torch.zeros((), device=self.accelerator.device)
        parts = list(self._parts())
        for part in parts:
            # x_0 ~ q(x_0), t ~ Uniform, ε ~ N(0, I)
            batch = self.batches.at(self.step, part)
            # Gradients are averaged over processes once, with the last part's.
            alone = nullcontext() if part is parts[-1] else self.accelerator.no_sync(self.unet)
            with alone:
                loss = self._loss(batch) * (len(part) / len(self.items))
                self.accelerator.backward(loss)
            total += loss.detach()
        self.optimizer.step()
        self.optimizer.zero_grad()
        self._average()
        self.step += 1
        return total

    def _parts(self) -> Iterator[range]:
        """This process's items, as many at once as there is room for."""
        most = self.options.micro_batch or len(self.items)
        for first in range(self.items.start, self.items.stop, most):
            yield range(first, min(first + most, self.items.stop))

    def _loss(self, batch: Batch) -> Tensor:
        x_t, target = self.process.noised(batch.x_0, batch.t, batch.eps)
        times = self.process.tables["time"][batch.t]
        output = self.unet(x_t, times, class_labels=batch.labels).sample
        return self.process.loss(output, target, batch.x_0, batch.t)

    def _average(self) -> None:
        """Moves the averaged weights towards the weights."""
        decay = self.recipe.ema_decay_at(self.optimizer.optimizer.taken)
        raw = self.accelerator.unwrap_model(self.unet)
        get_ema_multi_avg_fn(decay)(list(self.ema.parameters()), list(raw.parameters()), None)

    def _save_state(self) -> None:
        """Keeps what goes on with after an interruption, in place of what was kept before."""
        before = self._kept_states()
        partial = self.state_folder / "partial"
        self.accelerator.save_state(str(partial))
        self.accelerator.wait_for_everyone()
        if self.accelerator.is_main_process:
            # At every moment there is a complete one.
            partial.rename(self.state_folder / f"step-{self.step:012}")
            for folder in before:
                shutil.rmtree(folder)
        self._write_model()

    def _write_model(self) -> None:
        if not self.accelerator.is_main_process:
            return
        raw = self.accelerator.unwrap_model(self.unet)
        optimizer = self.optimizer.optimizer

        def on_host(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
            return {name: tensor.detach().float().cpu() for name, tensor in tensors.items()}

        def moments(moment: str) -> dict[str, Tensor]:
            return on_host({n: optimizer.state[p][moment] for n, p in raw.named_parameters()})

        reached = replace(
            self.model,
            step=self.step,
            moments_since=self.step - optimizer.taken,
            ema=on_host(self.ema.state_dict()),
            raw=on_host(raw.state_dict()),
            exp_avg=moments("exp_avg"),
            exp_avg_sq=moments("exp_avg_sq"),
        )
        model_file.write(reached, self.options.out)


class Log:
    """Progress in lines, and as JSON lines where asked for: step, loss (the mean since the last line),
    seconds, steps_per_second."""

    def __init__(self, run: Run):
        self.run = run
        self.started = self.line_started = time.monotonic()
        self.losses: list[Tensor] = []
        options = run.options
        if run.accelerator.is_main_process and options.log_file:
            # A run that goes on adds to what it logged.
            mode = "a" if run.step > run.model.step else "w"
            self.file = options.log_file.open(mode, buffering=1)
        else:
            self.file = None

    def add(self, loss: Tensor) -> None:
        """Takes a step's loss, which may still be on its way."""
        self.losses.append(loss)

    def write(self) -> None:
        """A line for the steps since the last; refuses to go on where the loss is no number."""
        run, now = self.run, time.monotonic()
        loss = run.accelerator.reduce(torch.stack(self.losses).mean(), "mean").item()
        line = {
            "step": run.step,
            "loss": loss,
            "seconds": now - self.started,
            "steps_per_second": len(self.losses) / max(now - self.line_started, 1e-9),
        }
        if self.file:
            self.file.write(json.dumps(line) + "\n")
        run.accelerator.print(
            f"step {run.step} of {run.last}  loss {loss:.4f}  {line['steps_per_second']:.2f} steps/s"
        )
        if not math.isfinite(loss):
            raise Refused(
                f"Training diverged at step {run.step}: the loss is no longer a number. Lower "
                "--learning-rate and --muon-learning-rate."
            )
        self.losses, self.line_started = [], now
