"""Train a small diffusion model on a few images, in a notebook or in documentation; `unnoise.train` goes
on with it where a tab ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .lab import Lab

__all__ = ["Lab"]
__version__ = "0.1.0"


def __getattr__(name: str) -> type[Lab]:
    # A process that trains has no use for a widget.
    if name == "Lab":
        from .lab import Lab

        return Lab
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
