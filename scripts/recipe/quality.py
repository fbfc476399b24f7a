"""How good and how new images are: Fréchet distance in a classifier's features, and copies."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

FEATURES = 32
COPY_RATIO = 1 / 3  # as in src/diagnostics/nearest.rs


class Classifier(nn.Module):
    """Classifies grey images [n, 1, s, s] in [-1, 1]; `features` [n, FEATURES] is its last hidden layer."""

    def __init__(self, classes: int):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(),
            nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(1024, FEATURES), nn.ReLU(),
        )  # fmt: skip
        self.head = nn.Linear(FEATURES, classes)

    def forward(self, images):
        return self.head(F.dropout(self.body(images), 0.3, self.training))

    @torch.no_grad()
    def features(self, images: np.ndarray) -> np.ndarray:
        self.eval()
        return self.body(grey(images)).numpy().astype(np.float64)


def grey(images: np.ndarray) -> torch.Tensor:
    """RGB [n, 3, s, s] to the mean of its channels [n, 1, s, s], limited to [-1, 1]."""
    return torch.from_numpy(images).float().mean(1, keepdim=True).clamp(-1, 1)


def train_classifier(images: np.ndarray, labels: np.ndarray, steps: int = 600) -> tuple[Classifier, float]:
    """A classifier of `images` [n, 3, s, s], and the accuracy of a twin trained without every fifth
    image on those."""

    def fit(chosen):
        torch.manual_seed(0)
        model = Classifier(int(labels.max()) + 1)
        optimizer = torch.optim.Adam(model.parameters(), 2e-3)
        x, y = grey(images[chosen]), torch.from_numpy(labels[chosen])
        model.train()
        for _ in range(steps):
            batch = torch.randint(len(x), (64,))
            shift = [int(d) for d in torch.randint(-2, 3, (2,))]
            shown = torch.roll(x[batch], shift, (2, 3))
            shown = shown + 0.1 * torch.randn_like(shown)
            optimizer.zero_grad()
            F.cross_entropy(model(shown), y[batch]).backward()
            optimizer.step()
        return model.eval()

    held_out = np.arange(len(images)) % 5 == 0
    with_twin = fit(~held_out)
    with torch.no_grad():
        guesses = with_twin(grey(images[held_out])).argmax(1).numpy()
    return fit(np.ones(len(images), bool)), float((guesses == labels[held_out]).mean())


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


def floor(features: np.ndarray, repeats: int = 10) -> float:
    """Mean Fréchet distance between random halves of `features`: what no model need beat."""
    random = np.random.default_rng(0)
    halves = [np.array_split(random.permutation(len(features)), 2) for _ in range(repeats)]
    return float(np.mean([frechet_distance(features[a], features[b]) for a, b in halves]))


def share_of_copies(samples: np.ndarray, images: np.ndarray) -> float:
    """Share of samples nearer to one image than COPY_RATIO of the distance to any other."""
    a = torch.from_numpy(samples).flatten(1).double()
    b = torch.from_numpy(np.unique(images, axis=0)).flatten(1).double()
    nearest = torch.cdist(a, b).topk(2, largest=False).values
    return float((nearest[:, 0] < COPY_RATIO * nearest[:, 1]).double().mean())


def share_saturated(samples: np.ndarray, min_share: float = 0.02) -> float:
    """Share of samples [n, 3, s, s] in which at least `min_share` of the pixels are blotches of pure
    colour: one channel near its maximum while another is near its minimum."""
    blotch = (samples.max(1) > 0.95) & (samples.min(1) < -0.95)
    return float((blotch.mean((1, 2)) >= min_share).mean())
