"""Training goes on here where a browser's tab ends: `accelerate launch -m unnoise.train`.

The same recipe on the same data: what a step sees is a function of (seed, step), as in the core, so a
run on any number of processes continues the one that the page or the command line began. The files in
the order in which an image meets them: `pictures`, `batch` (with `philox`), `process`, `optimizer`;
`loop` takes the steps, `model_file` reads and writes models.
"""


class Refused(Exception):
    """What cannot be done, in a sentence that says what to do instead."""
