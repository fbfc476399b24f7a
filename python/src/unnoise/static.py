"""The files of the npm package."""

from pathlib import Path

STATIC = Path(__file__).parent / "static"


def read(name: str) -> bytes:
    """A file by its name relative to the package, and nothing outside it."""
    file = (STATIC / name).resolve()
    if not file.is_relative_to(STATIC.resolve()) or not file.is_file():
        raise FileNotFoundError(f"The package has no file {name}.")
    return file.read_bytes()
