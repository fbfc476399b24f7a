"""The configurations that are compared: the default, and what differs from it one at a time."""

from copy import deepcopy

LEVELS = {
    "24-48-48": [24, 48, 48],
    "48-96-96": [48, 96, 96],
    "32-64": [32, 64],
}


def variants() -> dict[str, dict]:
    """Name to the fields that differ from the default, in the order of the table."""
    return {
        "default": {},
        "epsilon": {"scheduler": {"prediction_type": "epsilon"}},
        "flow": {"scheduler": {"prediction_type": "flow_prediction"}},
        "min_snr": {"training": {"loss_weighting": "min_snr"}},
        "linear": {"scheduler": {"beta_schedule": "linear"}},
        "sigmoid": {"scheduler": {"beta_schedule": "sigmoid"}},
        "T 200": {"scheduler": {"num_train_timesteps": 200}},
        "batch 8": {"training": {"batch_size": 8}},
        "batch 32": {"training": {"batch_size": 32}},
        "lr 5e-4": {"training": {"learning_rate": 5e-4}},
        "lr 2e-3": {"training": {"learning_rate": 2e-3}},
        "EMA 0.99": {"training": {"ema_max_decay": 0.99}},
        "EMA 0.995": {"training": {"ema_max_decay": 0.995}},
        "min_snr, flow": {
            "scheduler": {"prediction_type": "flow_prediction"},
            "training": {"loss_weighting": "min_snr"},
        },
        "min_snr, gamma 1": {"training": {"loss_weighting": "min_snr", "min_snr_gamma": 1}},
        "min_snr, gamma 20": {"training": {"loss_weighting": "min_snr", "min_snr_gamma": 20}},
        "min_snr, batch 8": {"training": {"loss_weighting": "min_snr", "batch_size": 8}},
        "min_snr, lr 2e-3": {"training": {"loss_weighting": "min_snr", "learning_rate": 2e-3}},
        **{
            name: {"unet": {"block_out_channels": widths}}
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
