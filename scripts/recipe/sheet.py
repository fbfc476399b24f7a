"""Samples of several runs side by side, to look at: a row for each set of images, a column for each run.

    sheet.py --out OUT --to sheet.png --runs old:376 muon:376 [--sets flags faces] [--real DATA]

OUT is that of recipe.py; a run is a variant and its number of steps. With --real the first column is of images
that were trained on.
"""

import argparse
from pathlib import Path

from PIL import Image, ImageDraw

from command_line import stem
from pictures import grid, read
from recipe import SETS

GAP, LINE = 12, 20
SHOWN, COLUMNS = 16, 4


def samples(args, data: str, run: str) -> Image.Image:
    """The upper left SHOWN images of the grid that recipe.py has saved."""
    name, _, steps = run.rpartition(":")
    file = args.out / "grids" / f"{stem(name, data, args.size, args.seed)}-{steps}-{args.sampler}.png"
    picture = Image.open(file)
    side = picture.width // 8 * COLUMNS
    return picture.crop((0, 0, side, side))


def real(args, data: str) -> Image.Image:
    images, _ = read(args.real / f"{data}-{args.size}" / "train")
    return grid(images[:: len(images) // SHOWN][:SHOWN], COLUMNS)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--to", type=Path, required=True)
    parser.add_argument("--runs", nargs="+", required=True, metavar="NAME:STEPS")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=SETS)
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sampler", default="dpmpp2m")
    parser.add_argument("--real", type=Path, help="the --data of recipe.py")
    args = parser.parse_args()

    columns = ["images", *args.runs] if args.real else args.runs
    side = args.size * 4 * COLUMNS + GAP
    sheet = Image.new("RGB", (side * len(columns) + GAP, LINE + side * len(args.sets) + GAP), "white")
    draw = ImageDraw.Draw(sheet)
    for i, column in enumerate(columns):
        name, _, steps = column.rpartition(":")
        draw.text((GAP + i * side, 4), f"{name}, {steps} steps" if name else column, "black")
        for j, data in enumerate(args.sets):
            picture = samples(args, data, column) if name else real(args, data)
            sheet.paste(picture, (GAP + i * side, LINE + j * side))
    sheet.save(args.to)


if __name__ == "__main__":
    main()
