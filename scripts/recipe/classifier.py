"""A small classifier, in whose features the Fréchet distance is measured."""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from quality import pooled

SIDE = 16
HIDDEN = (128, 32)
EPOCHS = 20
COPIES = 8  # of each image, moved by up to a sixteenth of its side


def grey(images: np.ndarray) -> np.ndarray:
    """Images [n, 3, s, s] as the means of their channels at SIDE x SIDE, [n, SIDE²]."""
    return pooled(images.mean(1).clip(-1, 1), SIDE).reshape(len(images), -1)


def moved(images: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Each image moved by up to a sixteenth of its side; what leaves it comes in on the other side."""
    reach = images.shape[-1] // 16
    shifts = random.integers(-reach, reach + 1, (len(images), 2))
    return np.stack([np.roll(image, shift, (1, 2)) for image, shift in zip(images, shifts)])


class Classifier:
    """A perceptron trained on `images` [n, 3, s, s] of `labels` [n]; `features` are its last hidden layer."""

    def __init__(self, images: np.ndarray, labels: np.ndarray):
        random = np.random.default_rng(0)
        inputs = grey(np.concatenate([images, *(moved(images, random) for _ in range(COPIES))]))
        inputs = inputs + 0.1 * random.standard_normal(inputs.shape)
        self.model = MLPClassifier(HIDDEN, max_iter=EPOCHS, random_state=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            self.model.fit(inputs, np.tile(labels, COPIES + 1))

    def accuracy(self, images: np.ndarray, labels: np.ndarray) -> float:
        return float((self.model.predict(grey(images)) == labels).mean())

    def features(self, images: np.ndarray) -> np.ndarray:
        """[n, HIDDEN[-1]]"""
        hidden = grey(images)
        for weights, bias in zip(self.model.coefs_[:-1], self.model.intercepts_[:-1]):
            hidden = np.maximum(hidden @ weights + bias, 0)
        return hidden
