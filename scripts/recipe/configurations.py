"""The configurations that are compared. All but "default" are written out, so that they mean the same
whatever the program's default is."""

from copy import deepcopy

LEVELS = {
    "24-48-48": [24, 48, 48],
    "32-48-64": [32, 48, 64],
    "32-96-96": [32, 96, 96],
    "48-96-96": [48, 96, 96],
    "64-128-128": [64, 128, 128],
    "32-64": [32, 64],
    "32-64-64-64": [32, 64, 64, 64],
    "16-32-64-64": [16, 32, 64, 64],
}

OLD = "old"  # what the others are compared with


def old(size: int) -> dict:
    """The recipe that was the default before Muon: v, cosine, Adam, and min-SNR's weights up to 32 x 32."""
    return {
        "unet": {"block_out_channels": [32, 64, 64], "layers_per_block": 1, "norm_num_groups": 8},
        "scheduler": {
            "num_train_timesteps": 1000,
            "beta_schedule": "squaredcos_cap_v2",
            "prediction_type": "v_prediction",
        },
        "training": {
            "optimizer": "adam",
            "batch_size": 16,
            "learning_rate": 1e-3,
            "lr_warmup_steps": 100,
            "adam_beta1": 0.9,
            "adam_beta2": 0.999,
            "ema_max_decay": 0.998,
            "loss_weighting": "min_snr" if size <= 32 else "simple",
            "min_snr_gamma": 5.0,
            "min_snr_floor": 0.0,
        },
    }


def training(**fields) -> dict:
    return {"training": fields}


def merged(*parts: dict) -> dict:
    """A dictionary of dictionaries with the fields of all `parts`, later ones first."""
    result = {}
    for part in parts:
        for room, fields in part.items():
            result[room] = {**result.get(room, {}), **fields}
    return result


def simple(fields: dict | None = None) -> dict:
    """`fields` with L_simple."""
    return merged(fields or {}, training(loss_weighting="simple"))


def muon(fields: dict | None = None) -> dict:
    """`fields` with Muon and a floor under min-SNR's weights."""
    base = training(optimizer="muon", muon_learning_rate=0.01, loss_weighting="min_snr", min_snr_floor=0.2)
    return merged(base, fields or {})


def networks(change) -> dict[str, dict]:
    """`change` of the networks of LEVELS, by name."""
    return {name: change({"unet": {"block_out_channels": widths}}) for name, widths in LEVELS.items()}


def variants() -> dict[str, dict]:
    """Name to the fields that differ from OLD, in the order of the table.

    A field of `training` may be a function of the number of steps, for what must know where a run ends.
    """
    flow = {"scheduler": {"prediction_type": "flow_prediction"}}
    return {
        OLD: {},
        # Adam, weighted by min-SNR
        "floor 0.1": training(min_snr_floor=0.1),
        "floor 0.2": training(min_snr_floor=0.2),
        "floor 0.4": training(min_snr_floor=0.4),
        "gamma 1": training(min_snr_gamma=1.0),
        "gamma 20": training(min_snr_gamma=20.0),
        "batch 8": training(batch_size=8),
        "lr 2e-3": training(learning_rate=2e-3),
        "beta2 0.99": training(adam_beta2=0.99),
        "flow": flow,
        **networks(lambda fields: fields),
        # Muon
        "muon": muon(),
        "muon, floor 0": muon(training(min_snr_floor=0.0)),
        "muon, floor 0.1": muon(training(min_snr_floor=0.1)),
        "muon, floor 0.4": muon(training(min_snr_floor=0.4)),
        "muon, simple": muon(training(loss_weighting="simple")),
        "muon 0.005": muon(training(muon_learning_rate=0.005)),
        "muon 0.02": muon(training(muon_learning_rate=0.02)),
        "muon, lr 2e-3": muon(training(learning_rate=2e-3)),
        "muon, batch 8": muon(training(batch_size=8)),
        "muon, batch 64": muon(training(batch_size=64)),
        "muon, batch 8, lr 2e-3": muon(training(batch_size=8, learning_rate=2e-3)),
        "muon, EMA 0.99": muon(training(ema_max_decay=0.99)),
        "muon, EMA 0.995": muon(training(ema_max_decay=0.995)),
        "muon, flips": muon(training(random_flip=True)),
        "muon, flow": muon(flow),
        **{f"muon, {name}": fields for name, fields in networks(muon).items()},
        # L_simple
        "simple": simple(),
        "simple, epsilon": simple({"scheduler": {"prediction_type": "epsilon"}}),
        "simple, flow": simple(flow),
        "simple, linear": simple({"scheduler": {"beta_schedule": "linear"}}),
        "simple, sigmoid": simple({"scheduler": {"beta_schedule": "sigmoid"}}),
        "simple, T 200": simple({"scheduler": {"num_train_timesteps": 200}}),
        "simple, batch 8": simple(training(batch_size=8)),
        "simple, batch 32": simple(training(batch_size=32)),
        "simple, lr 5e-4": simple(training(learning_rate=5e-4)),
        "simple, lr 2e-3": simple(training(learning_rate=2e-3)),
        # Whatever the program does of itself.
        "default": {},
    }


def knows_its_end(name: str) -> bool:
    """Whether a longer run of the variant is no continuation of a shorter one."""
    return any(callable(value) for value in variants()[name].get("training", {}).values())


def configuration(name: str, size: int, seed: int, steps: int) -> dict:
    """What `unnoise train --config` reads for the variant `name` in a run of `steps`."""
    fields = {} if name == "default" else merged(old(size), deepcopy(variants()[name]))
    if "training" in fields:
        fields["training"] = {
            key: value(steps) if callable(value) else value for key, value in fields["training"].items()
        }
    return {"size": size, "seed": seed, **fields}


SAMPLERS = {
    "ddpm": ["--sampler", "ddpm", "--steps", "50"],
    "ddim": ["--sampler", "ddim", "--steps", "50"],
    "dpmpp2m": ["--sampler", "dpmpp2m", "--steps", "20"],
}


def sampler_options(name: str, sampler: str) -> list[str]:
    """Options of `unnoise sample` for one of SAMPLERS.

    A rectified flow has no diffusion process to walk back: Euler's method of as many steps stands in.
    """
    options = SAMPLERS[sampler]
    if variants()[name].get("scheduler", {}).get("prediction_type") == "flow_prediction":
        return ["--sampler", "euler-flow", *options[2:]]
    return options


def priced_as(name: str) -> str:
    """The first variant whose steps cost the same: of the same network, batch size and optimizer."""

    def cost(fields: dict) -> tuple:
        training = fields.get("training", {})
        return fields.get("unet"), training.get("batch_size"), training.get("optimizer")

    if name == "default":
        return name
    return next(other for other, fields in variants().items() if cost(fields) == cost(variants()[name]))
