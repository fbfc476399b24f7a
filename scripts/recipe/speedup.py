"""Steps-equivalent speed-up: how many times more steps the old recipe needs for the same distance."""

from dataclasses import dataclass

import numpy as np

TINY = 1e-9


@dataclass
class Speedup:
    """`factor`, or where the old recipe's runs end before its distance is reached, the largest (`beyond` = 1)
    or the smallest (-1) that they can tell."""

    factor: float
    beyond: int = 0


def speedup(curve: dict[int, float], steps: int, distance: float) -> Speedup:
    """How many times more than `steps` the old recipe needs to be at `distance`, where `curve` has its
    distances after some numbers of steps. Between them logarithms are interpolated. What is worse than after
    fewer steps does not count: asked is when the old recipe is first as good."""
    counts = np.array(sorted(curve), float)
    values = np.minimum.accumulate([max(curve[int(c)], TINY) for c in counts])
    distance = max(distance, TINY)
    if distance > values[0]:
        return Speedup(counts[0] / steps, -1)
    if distance < values[-1]:
        return Speedup(counts[-1] / steps, 1)
    last = int(np.argmax(values <= distance))  # the first that is as good
    if last == 0:
        return Speedup(counts[0] / steps)
    above, below = np.log(values[last - 1]), np.log(values[last])
    share = (above - np.log(distance)) / (above - below)
    needed = np.exp((1 - share) * np.log(counts[last - 1]) + share * np.log(counts[last]))
    return Speedup(float(needed / steps))


def combined(parts: list[Speedup]) -> Speedup | None:
    """The geometric mean; `beyond` if any part is, and 0 where parts lie beyond both ends."""
    if not parts:
        return None
    beyond = {part.beyond for part in parts} - {0}
    mean = float(np.exp(np.mean([np.log(part.factor) for part in parts])))
    return Speedup(mean, beyond.pop() if len(beyond) == 1 else 0)
