"""The configurations that are compared: the default, and what differs from it one at a time."""

from copy import deepcopy

LEVELS = {
    "24-48-48": [24, 48, 48],
    "48-96-96": [48, 96, 96],
    "32-64": [32, 64],
    "32-64-64-64": [32, 64, 64, 64],
    "16-32-64-64": [16, 32, 64, 64],
}


def simple(fields: dict | None = None) -> dict:
    """`fields` with L_simple, which the default up to 32 x 32 was chosen from."""
    fields = fields or {}
    training = {**fields.get("training", {}), "loss_weighting": "simple"}
    return {**fields, "training": training}


def variants() -> dict[str, dict]:
    """Name to the fields that differ from the default, in the order of the table."""
    flow = {"scheduler": {"prediction_type": "flow_prediction"}}
    return {
        "default": {},
        # Beyond 32 x 32 the default is L_simple.
        "min-SNR": {"training": {"loss_weighting": "min_snr"}},
        "gamma 1": {"training": {"min_snr_gamma": 1}},
        "gamma 20": {"training": {"min_snr_gamma": 20}},
        "batch 8": {"training": {"batch_size": 8}},
        "lr 2e-3": {"training": {"learning_rate": 2e-3}},
        "flow": flow,
        "simple": simple(),
        "simple, epsilon": simple({"scheduler": {"prediction_type": "epsilon"}}),
        "simple, flow": simple(flow),
        "simple, linear": simple({"scheduler": {"beta_schedule": "linear"}}),
        "simple, sigmoid": simple({"scheduler": {"beta_schedule": "sigmoid"}}),
        "simple, T 200": simple({"scheduler": {"num_train_timesteps": 200}}),
        "simple, batch 8": simple({"training": {"batch_size": 8}}),
        "simple, batch 32": simple({"training": {"batch_size": 32}}),
        "simple, lr 5e-4": simple({"training": {"learning_rate": 5e-4}}),
        "simple, lr 2e-3": simple({"training": {"learning_rate": 2e-3}}),
        "simple, EMA 0.99": simple({"training": {"ema_max_decay": 0.99}}),
        "simple, EMA 0.995": simple({"training": {"ema_max_decay": 0.995}}),
        **{
            f"simple, {name}": simple({"unet": {"block_out_channels": widths}})
            for name, widths in LEVELS.items()
        },
    }


def configuration(name: str, size: int, seed: int) -> dict:
    """What `unnoise train --config` reads for the variant `name`."""
    return {"size": size, "seed": seed, **deepcopy(variants()[name])}


def samplers(name: str) -> dict[str, list[str]]:
    """The samplers that the variant is judged with, as options of `unnoise sample`.

    A rectified flow has no diffusion process to walk back: Euler's method stands in for both.
    """
    if variants()[name].get("scheduler", {}).get("prediction_type") == "flow_prediction":
        return {
            "ddpm": ["--sampler", "euler-flow", "--steps", "50"],
            "dpmpp2m": ["--sampler", "euler-flow", "--steps", "20"],
        }
    return {
        "ddpm": ["--sampler", "ddpm", "--steps", "50"],
        "dpmpp2m": ["--sampler", "dpmpp2m", "--steps", "20"],
    }


def priced_as(name: str) -> str:
    """The first variant whose steps cost the same: of the same network and batch size."""

    def cost(fields: dict) -> tuple:
        return fields.get("unet"), fields.get("training", {}).get("batch_size")

    return next(other for other, fields in variants().items() if cost(fields) == cost(variants()[name]))
