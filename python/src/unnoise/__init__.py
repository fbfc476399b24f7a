"""Train a small diffusion model on a few images, in a notebook or in documentation."""

from .lab import Lab

__all__ = ["Lab"]
__version__ = "0.1.0"
