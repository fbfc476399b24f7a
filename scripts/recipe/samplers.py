"""How good what each sampler draws is after how many evaluations of the network.

    samplers.py --unnoise PROGRAM --model MODEL --data FOLDER --out OUT [--count 256]

FOLDER has the images that the model was trained on. Prints a Markdown table; results are kept as lines of
OUT/samplers.jsonl, and what is there is not drawn again. Needs numpy, pillow and safetensors.
"""

import argparse
import json
from pathlib import Path

from command_line import CommandLine
from pictures import grid, read
from quality import similarity

KARRAS = "dpmpp2m, Karras' levels"
STEPS = {
    "ddpm": (10, 20, 30, 50),
    "ddim": (10, 20, 50),
    "heun": (10, 15, 20),
    "dpmpp2m": (6, 8, 10, 12, 20),
    KARRAS: (12, 20),
}


def evaluations(sampler: str, steps: int) -> int:
    """Heun's method takes two slopes a step, but for the last."""
    return 2 * steps - 1 if sampler == "heun" else steps


def options(sampler: str, steps: int) -> list[object]:
    """Those of `unnoise sample`."""
    if sampler == KARRAS:
        return ["--sampler", "dpmpp2m", "--use-karras-sigmas", "true", "--steps", steps]
    return ["--sampler", sampler, "--steps", steps]


def table(lines: list[dict]) -> str:
    rows = ["| sampler | steps | evaluations | layout | edges | copies |", "|---|---|---|---|---|---|"]
    for r in lines:
        numbers = [r["sampler"], r["steps"], r["evaluations"], f"{r['layout']:.1f}", f"{r['edges']:.1f}"]
        rows.append("| " + " | ".join(map(str, numbers)) + f" | {r['copies']:.1%} |")
    return "\n".join(rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--unnoise", default="target/release/unnoise")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=256)
    args = parser.parse_args()

    lab = CommandLine(args.unnoise, args.out)
    path = args.out / "samplers.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    done = {(r["sampler"], r["steps"]) for r in lines}
    real, _ = read(args.data)
    for sampler, counts in STEPS.items():
        for steps in counts:
            if (sampler, steps) in done:
                continue
            images = lab.sample(args.model, options(sampler, steps), args.count)
            grid(images[:32]).save(args.out / f"{sampler}-{steps}.png")
            result = {
                "sampler": sampler,
                "steps": steps,
                "evaluations": evaluations(sampler, steps),
                **similarity(images, real, real),
            }
            lines.append(result)
            with path.open("a") as file:
                file.write(json.dumps(result) + "\n")
    print(table(lines))


if __name__ == "__main__":
    main()
