"""Models as Unnoise saves them (src/format/checkpoint.rs) and as diffusers does (src/format/diffusers/)."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import diffusers
from diffusers import DDPMPipeline, DDPMScheduler, FlowMatchEulerDiscreteScheduler, UNet2DModel
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from . import Refused
from .recipe import Recipe

Tensors = dict[str, Tensor]

FORMAT_VERSION = "1"
# The whole run, in a folder that otherwise diffusers reads.
TRAINING_STATE = "unnoise.safetensors"
WEIGHTS = Path("unet", "diffusion_pytorch_model.safetensors")
# What a run is, by the prefixes of its tensors' names. Muon keeps its momentum as exp_avg too.
SETS = {"ema": "ema", "raw": "raw", "exp_avg": "adam.exp_avg", "exp_avg_sq": "adam.exp_avg_sq"}


@dataclass
class Model:
    """A network, the process it is for, how it is trained, and where that has arrived.

    Tensors have diffusers' names and layouts.
    """

    unet: dict
    """What `UNet2DModel.from_config` takes."""
    scheduler: dict
    """The process, with diffusers' names; a rectified flow has the prediction_type flow_prediction."""
    training: dict
    """See `Recipe`. It stays as it came: a tab goes on with the batches of a tab."""
    seed: int
    step: int
    """Optimizer steps taken."""
    moments_since: int
    """The step at which the optimizer started, with moments of 0."""
    ema: Tensors
    """The averaged weights, which give the better samples."""
    raw: Tensors
    """The weights as the optimizer left them."""
    labels: list[str] = field(default_factory=list)
    exp_avg: Tensors | None = None
    exp_avg_sq: Tensors | None = None

    @property
    def size(self) -> int:
        """The side of images in pixels."""
        return self.unet["sample_size"]

    @property
    def null_class(self) -> int | None:
        """The class for any, of a network that knows classes."""
        rows = self.unet.get("num_class_embeds")
        return None if rows is None else rows - 1

    def class_names(self) -> list[str] | None:
        """What images' labels are looked up in; `None` for a network without classes."""
        if self.null_class is None:
            return None
        return self.labels or [str(index) for index in range(self.null_class)]


def read(path: Path) -> Model:
    """A model file, or the folder that `unnoise export` or diffusers' `save_pretrained` made."""
    try:
        return _read_folder(path) if path.is_dir() else _read_file(path)
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise Refused(f"{path}: this is no model that can be read ({error}).") from error


def _read_file(path: Path) -> Model:
    with safe_open(path, "pt") as file:
        told = file.metadata() or {}
        if told.get("unnoise.version") != FORMAT_VERSION:
            raise Refused(f"{path}: this is not a model file of Unnoise, or of a newer one.")
        names = list(file.keys())

        def tensors(prefix: str) -> Tensors | None:
            own = [name for name in names if name.startswith(f"{prefix}.")]
            return {name[len(prefix) + 1 :]: file.get_tensor(name).float() for name in own} or None

        sets = {name: tensors(prefix) for name, prefix in SETS.items()}
    if sets["ema"] is None:
        raise Refused(f"{path}: this model file has no weights.")
    step = int(told["step"])
    # Averaged weights alone are a place to start from.
    has_state = sets["raw"] is not None
    sets["raw"] = sets["raw"] or sets["ema"]
    return Model(
        unet=json.loads(told["unet"]),
        scheduler=json.loads(told["scheduler"]),
        training=json.loads(told["training"]),
        seed=int(told["seed"]),
        step=step,
        moments_since=int(told["moments_since"]) if has_state else step,
        labels=json.loads(told.get("unnoise.labels", "[]")),
        **sets,
    )


def _read_folder(folder: Path) -> Model:
    unet = UNet2DModel.from_pretrained(folder / "unet")
    ema = unet.state_dict()
    state = folder / TRAINING_STATE
    if state.exists():
        run = _read_file(state)
        same = run.ema.keys() == ema.keys() and all(ema[name].equal(run.ema[name]) for name in ema)
        if not same:
            raise Refused(
                f"{state}: this is the training state of other weights than those in the folder. Remove it "
                "to go on from the weights alone."
            )
        return run
    with safe_open(folder / WEIGHTS, "pt") as file:
        told = file.metadata() or {}
    config = _public(unet.config)
    step = int(told.get("step", 0))
    training = told.get("training")
    return Model(
        unet=config,
        scheduler=_process_of(folder / "scheduler"),
        training=json.loads(training) if training else Recipe.default_for(config["sample_size"]),
        seed=int(told.get("seed", 0)),
        step=step,
        moments_since=step,
        labels=json.loads(told.get("unnoise.labels", "[]")),
        ema=ema,
        raw=ema,
    )


def _process_of(folder: Path) -> dict:
    """What a scheduler's configuration says about the process, as a model file has it."""
    config = json.loads((folder / "scheduler_config.json").read_text())
    name = config.get("_class_name", "DDPMScheduler")
    if name == "FlowMatchEulerDiscreteScheduler":
        known = {key: config[key] for key in ("num_train_timesteps", "shift") if key in config}
        return {"prediction_type": "flow_prediction", "num_train_timesteps": 1000, **known}
    # With what the class takes where its file says nothing.
    whole = getattr(diffusers, name).from_pretrained(folder).config
    known = {key: value for key, value in _public(whole).items() if value is not None}
    if known.get("variance_type") == "fixed_small_log":
        known["variance_type"] = "fixed_small"
    return {"clip_sample": False, **known}


def _public(config: Mapping) -> dict:
    """A configuration without diffusers' remarks, whose names begin with an underscore."""
    return {key: value for key, value in config.items() if not key.startswith("_")}


def write(model: Model, path: Path) -> None:
    """A model file if `path` ends in .safetensors, otherwise a folder that diffusers reads, with the
    training state in it."""
    if path.suffix == ".safetensors":
        path.parent.mkdir(parents=True, exist_ok=True)
        _save(_named(model), _description(model), path)
        return
    unet = UNet2DModel.from_config(model.unet)
    unet.load_state_dict(model.ema)
    DDPMPipeline(unet, _scheduler_of(model.scheduler)).save_pretrained(path)
    told = _description(model)
    kept = ("step", "training", "seed", "unnoise.labels")
    own = {name: told[name] for name in kept if name in told}
    _save(model.ema, {"format": "pt", **own}, path / WEIGHTS)
    _save(_named(model), told, path / TRAINING_STATE)


def _scheduler_of(process: dict) -> DDPMScheduler | FlowMatchEulerDiscreteScheduler:
    if process["prediction_type"] == "flow_prediction":
        return FlowMatchEulerDiscreteScheduler(process["num_train_timesteps"], process.get("shift", 1.0))
    return DDPMScheduler.from_config(process)


def _named(model: Model) -> Tensors:
    """All sets of tensors under their names in a model file."""
    sets = {prefix: getattr(model, name) for name, prefix in SETS.items()}
    return {
        f"{prefix}.{name}": tensor.contiguous()
        for prefix, tensors in sets.items()
        for name, tensor in (tensors or {}).items()
    }


def _description(model: Model) -> dict[str, str]:
    told = {
        "unnoise.version": FORMAT_VERSION,
        "unet": json.dumps(model.unet),
        "scheduler": json.dumps(model.scheduler),
        "training": json.dumps(model.training),
        "step": str(model.step),
        "moments_since": str(model.moments_since),
        "seed": str(model.seed),
    }
    if model.labels:
        told["unnoise.labels"] = json.dumps(model.labels)
    return told


def _save(tensors: Tensors, told: dict[str, str], path: Path) -> None:
    """Replaces the file only once the new one is complete."""
    bad = next((name for name, tensor in tensors.items() if not tensor.isfinite().all()), None)
    if bad is not None:
        raise Refused(f"{bad} has values that are not finite; {path} was not written.")
    partial = path.with_name(f"{path.name}.partial")
    save_file(tensors, partial, metadata=told)
    os.replace(partial, path)
