"""How a network is trained: the fields of src/train/training_config.rs."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from . import Refused

# The largest size at which min-SNR weights are the default (src/train/config.rs).
MIN_SNR_UP_TO = 32


@dataclass(frozen=True)
class Recipe:
    """Batches, loss weights, optimizer and average.

    A field that a file does not name has the value here, which is how models were trained when the field
    was new.
    """

    batch_size: int = 16
    optimizer: str = "adam"
    learning_rate: float = 1e-3
    muon_learning_rate: float = 1e-2
    lr_warmup_steps: int = 100
    adam_beta1: float = 0.9
    adam_beta2: float = 0.999
    adam_epsilon: float = 1e-8
    muon_momentum: float = 0.95
    ema_max_decay: float = 0.998
    loss_weighting: str = "simple"
    min_snr_gamma: float = 5.0
    min_snr_floor: float = 0.0
    vlb_weight: float = 1e-3
    random_flip: bool = False
    random_crop: bool = False
    class_dropout_prob: float = 0.1

    @classmethod
    def of(cls, training: dict) -> Recipe:
        """Of a model's description. Mixed precision is accelerate's to decide."""
        names = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in training.items() if name in names})

    @staticmethod
    def default_for(size: int) -> dict:
        """The description of models that come without one (`Config::for_size`)."""
        weighting = "min_snr" if size <= MIN_SNR_UP_TO else "simple"
        return {"optimizer": "muon", "min_snr_floor": 0.2, "loss_weighting": weighting}

    def with_batch(self, batch_size: int) -> Recipe:
        """The recipe for batches k times as large.

        Steps of Adam and of Muon have a length that does not depend on the gradient's, so what a larger
        batch brings is less noise in their direction: step sizes grow by √k (Malladi et al. 2022, "On the
        SDEs and scaling rules for adaptive gradient algorithms"). The average then remembers as many
        images as before with decay^k (Busbridge et al. 2023, "How to scale your EMA").
        """
        k = batch_size / self.batch_size
        return replace(
            self,
            batch_size=batch_size,
            learning_rate=self.learning_rate * k**0.5,
            muon_learning_rate=self.muon_learning_rate * k**0.5,
            ema_max_decay=self.ema_max_decay**k,
        )

    def check(self) -> None:
        """Refuses what could only diverge or fail."""
        if self.batch_size < 1:
            raise Refused("--batch-size must be 1 or more.")
        if self.random_crop:
            raise Refused(
                "This model learns from random crops of larger pictures, which is not done here. Go on "
                "with `unnoise train --resume`."
            )
        if not all(0 < rate <= 1 for rate in (self.learning_rate, self.muon_learning_rate)):
            raise Refused(
                f"The learning rates would be {self.learning_rate:g} and {self.muon_learning_rate:g} (Muon), "
                "but must be above 0 and at most 1. Give --learning-rate and --muon-learning-rate."
            )
        if not 0 <= self.ema_max_decay < 1:
            raise Refused("--ema-decay must be 0 or more and below 1.")

    def warmup_at(self, step: int) -> float:
        """The share of the learning rates that holds at `step`, counted from 1: it rises, then stays."""
        return min(1.0, step / max(1, self.lr_warmup_steps))

    def ema_decay_at(self, step: int) -> float:
        """Decay of the averaged weights at `step`, counted from 1: early samples are not of the start."""
        return min((1 + step) / (10 + step), self.ema_max_decay)
