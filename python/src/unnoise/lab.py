"""The element as a widget."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from os import PathLike
from pathlib import Path

import anywidget
import numpy as np
import traitlets

from . import static
from .images import zip_of
from .kernel import Parts, send_bytes


class Lab(anywidget.AnyWidget):
    """The element <unnoise-lab>; its attributes are the keyword arguments: ``Lab(mode="train",
    train_steps=500, config={"batch_size": 4})``.

    images: arrays (n, height, width, 3) of bytes or of floats in [0, 1]; or a list of arrays, of
    paths, or of the bytes of image files. labels: what each shows.
    model: the bytes or the path of a checkpoint.
    base: the address of the package's files, if they shall not come from this package.

    Traits to observe: ``state``, ``training``, ``step``, ``loss``, ``error``, ``saved``, ``sampled``.
    """

    _esm = static.STATIC / "anywidget.js"

    kernel = traitlets.Bool(True, read_only=True).tag(sync=True)
    base = traitlets.Unicode("").tag(sync=True)
    attributes = traitlets.Dict().tag(sync=True)
    images_version = traitlets.Int(0).tag(sync=True)
    model_version = traitlets.Int(0).tag(sync=True)

    #: Whether it trains, or shall.
    training = traitlets.Bool(False).tag(sync=True)
    #: What the element does; empty before it is shown.
    state = traitlets.Unicode("").tag(sync=True)
    step = traitlets.Int(0).tag(sync=True)
    loss = traitlets.Float(None, allow_none=True).tag(sync=True)
    #: What went wrong last.
    error = traitlets.Unicode("").tag(sync=True)
    #: How many models have arrived, and how many batches of samples.
    saved = traitlets.Int(0).tag(sync=True)
    sampled = traitlets.Int(0).tag(sync=True)

    def __init__(self, *, images=None, labels=None, model=None, base="", **attributes) -> None:
        self._files: dict[str, bytes] = {}
        self._parts = Parts()
        self._losses: list[np.ndarray] = []
        self._model: bytes | None = None
        self._samples: np.ndarray | None = None
        self._save_to: Path | None = None
        super().__init__(base=base, attributes=_attributes(attributes))
        if images is not None:
            self.set_images(images, labels)
        if model is not None:
            self.load(model)
        self.on_msg(self._receive)

    # --- what is given ---

    def set(self, **attributes) -> None:
        """Sets attributes of the element; None takes one away."""
        self.attributes = {**self.attributes, **_attributes(attributes)}

    def set_images(self, images: Iterable, labels: Sequence[str] | None = None) -> None:
        """The images to learn from, in place of those it has."""
        self._files["images.zip"] = zip_of(images, labels)
        self.images_version += 1

    def load(self, model: bytes | str | PathLike) -> None:
        """A model to go on with."""
        content = Path(model).read_bytes() if isinstance(model, (str, PathLike)) else bytes(model)
        self._files["model.safetensors"] = content
        self.model_version += 1

    # --- what is done ---

    def train(self, steps: int | None = None) -> None:
        """Trains in the browser, by so many steps; the cells go on meanwhile."""
        self.error = ""
        if steps is not None:
            self.set(train_steps=int(steps))
        self.training = True

    def pause(self) -> None:
        self.training = False

    def sample(self) -> None:
        """Draws; ``samples`` has them and ``sampled`` grows once they are there."""
        self._ask({"type": "sample"})

    def save(self, path: str | PathLike | None = None, *, half: bool = False) -> None:
        """Asks for the model; ``model`` has it, and the file, and ``saved`` grows once it is there.

        half: only the averaged weights, in half precision, to share."""
        self._ask({"type": "save", "half": half})
        self._save_to = None if path is None else Path(path)

    # --- what comes of it ---

    @property
    def losses(self) -> np.ndarray:
        """The loss of every step that was trained here."""
        return np.concatenate([np.empty(0, np.float32), *self._losses])

    @property
    def model(self) -> bytes | None:
        """The model that was asked for last, a file of safetensors."""
        return self._model

    @property
    def samples(self) -> np.ndarray | None:
        """The images that were drawn last, (n, size, size, channels) of bytes: 1 of grey ones, 3, or 4."""
        return self._samples

    # --- messages ---

    def _ask(self, message: dict) -> None:
        if not self.state:
            raise RuntimeError("The figure is not on the screen yet. Show it, and ask in a later cell.")
        self.error = ""
        self.send(message)

    def _receive(self, _widget, message: dict, buffers: list) -> None:
        kind = message["type"]
        if kind == "file":
            self._send_file(message["name"])
            return
        content = self._parts.add(message, buffers)
        if content is None:
            return
        if kind == "losses":
            self._losses.append(np.frombuffer(content, np.float32))
        elif kind == "samples":
            count, size = message["count"], message["size"]
            self._samples = np.frombuffer(content, np.uint8).reshape(count, size, size, -1)
        elif kind == "model":
            self._model = content
            if self._save_to is not None:
                self._save_to.write_bytes(content)

    def _send_file(self, name: str) -> None:
        message = {"type": "file", "name": name}
        try:
            content = self._files.get(name) or static.read(name)
        except OSError as error:
            self.send({**message, "error": str(error)})
        else:
            send_bytes(self.send, message, content)


def _attributes(given: dict) -> dict:
    """By the names that they have in the page."""
    return {name.replace("_", "-"): value for name, value in given.items()}
