"""How good and how new images are. Images are arrays [n, 3, s, s] with values in [-1, 1]."""

import numpy as np

COPY_RATIO = 1 / 3  # as in src/diagnostics/nearest.rs
POOLED = 8
BANDWIDTHS = (0.1, 0.3, 1.0)


def pooled(maps: np.ndarray, areas: int = POOLED) -> np.ndarray:
    """Maps [..., s, s] averaged over areas x areas parts, whose sides differ by at most a pixel where s is no
    multiple of `areas`; s must not be smaller."""
    side = maps.shape[-1]
    starts = np.round(np.linspace(0, side, areas + 1)).astype(int)
    sides = np.diff(starts)
    sums = np.add.reduceat(np.add.reduceat(maps, starts[:-1], -2), starts[:-1], -1)
    return sums / np.outer(sides, sides)


def layout(images: np.ndarray) -> np.ndarray:
    """What is where: the pixels of each image averaged over areas, [n, 3 * POOLED²]."""
    return pooled(images.astype(np.float64)).reshape(len(images), -1)


def edges(images: np.ndarray) -> np.ndarray:
    """How rough it is where: the differences of neighbouring pixels, across and down, of the channel where
    they are largest, averaged over areas, [n, 2 * POOLED²]."""
    images = images.astype(np.float64)
    across = np.abs(np.diff(images, axis=3, append=images[..., -1:])).max(1)
    down = np.abs(np.diff(images, axis=2, append=images[:, :, -1:])).max(1)
    return np.concatenate([pooled(m).reshape(len(images), -1) for m in (across, down)], 1)


def squared_distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """[n, m] between the rows of [n, d] and [m, d]."""
    return np.maximum((a * a).sum(1)[:, None] + (b * b).sum(1) - 2 * a @ b.T, 0)


def mmd(features: np.ndarray, real: np.ndarray) -> float:
    """1000 times the unbiased estimate of the squared maximum mean discrepancy (Gretton et al. 2012, lemma 6)
    between two sets of features [n, d] and [m, d].

    The kernel is the sum of exp(-d² / (c · median)) over BANDWIDTHS c, with the median of the squared
    distances between different rows of `real`. Near 0 for two sets of the same distribution; it may be negative.
    """
    within_real = squared_distances(real, real)
    median = np.median(within_real[~np.eye(len(real), dtype=bool)])

    def kernel(squares: np.ndarray) -> np.ndarray:
        return sum(np.exp(-squares / (c * median)) for c in BANDWIDTHS)

    def mean_of_others(values: np.ndarray) -> float:
        return (values.sum() - np.trace(values)) / (len(values) * (len(values) - 1))

    within = kernel(squared_distances(features, features))
    across = kernel(squared_distances(features, real)).mean()
    return float(1000 * (mean_of_others(within) + mean_of_others(kernel(within_real)) - 2 * across))


def frechet_distance(a: np.ndarray, b: np.ndarray) -> float:
    """‖μa − μb‖² + tr(Σa + Σb − 2(Σa Σb)^½) of features [n, d] (Heusel et al. 2017).

    The trace of the root is the sum of the roots of the product's eigenvalues, which are those of
    the symmetric Σa^½ Σb Σa^½.
    """
    cov_a, cov_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    values, vectors = np.linalg.eigh(cov_a)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    product = np.linalg.eigvalsh(root @ cov_b @ root).clip(0)
    shift = a.mean(0) - b.mean(0)
    return float(shift @ shift + np.trace(cov_a) + np.trace(cov_b) - 2 * np.sqrt(product).sum())


def floor(distance, features: np.ndarray, repeats: int = 10) -> float:
    """Mean `distance` between random halves of `features`: what no model need beat."""
    random = np.random.default_rng(0)
    halves = [np.array_split(random.permutation(len(features)), 2) for _ in range(repeats)]
    return float(np.mean([distance(features[a], features[b]) for a, b in halves]))


def are_copies(samples: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Which samples are nearer to one image than COPY_RATIO of the distance to any other, [n]."""
    distinct = np.unique(images, axis=0).reshape(-1, images[0].size).astype(np.float64)
    squares = squared_distances(samples.reshape(len(samples), -1).astype(np.float64), distinct)
    nearest, second = np.partition(squares, 1, axis=1)[:, :2].T
    return nearest < COPY_RATIO**2 * second


def share_of_copies(samples: np.ndarray, images: np.ndarray) -> float:
    """Share of samples that copy an image, or the mirror image of one."""
    return float((are_copies(samples, images) | are_copies(samples, images[..., ::-1])).mean())


def similarity(samples: np.ndarray, real: np.ndarray, shown: np.ndarray) -> dict[str, float]:
    """How like the images of a distribution (`real`) samples are, and how many copy those trained on (`shown`)."""
    samples = samples.clip(-1, 1)
    return {
        "layout": mmd(layout(samples), layout(real)),
        "edges": mmd(edges(samples), edges(real)),
        "copies": share_of_copies(samples, shown),
    }


def share_saturated(samples: np.ndarray, min_share: float = 0.02) -> float:
    """Share of samples in which at least `min_share` of the pixels are blotches of pure colour: one
    channel near its maximum while another is near its minimum."""
    blotch = (samples.max(1) > 0.95) & (samples.min(1) < -0.95)
    return float((blotch.mean((1, 2)) >= min_share).mean())
