"""The results as Markdown: distances with means and spreads over seeds, and speed-ups."""

from collections import defaultdict

import numpy as np

from configurations import OLD, priced_as, variants
from speedup import Speedup, combined, speedup

ERROR, HIGH_NOISE = "v-MSE", "x0 error, t ≥ 0.9 T"


def measures(result: dict) -> dict[str, float]:
    """The numbers of a result that recipes are compared by, lower is better. Of several samplers the mean."""
    levels = np.array(result["levels"])
    strata = levels <= 0.95  # the last level is there for the error at high noise alone
    numbers = {
        ERROR: np.array(result["v_mse"])[strata].mean(),
        HIGH_NOISE: np.array(result["x0_mse"])[levels >= 0.9].mean(),
    }
    for name in ("layout", "edges", "fd"):
        if result.get(name):
            numbers[name] = np.mean(list(result[name].values()))
    return {name: float(value) for name, value in numbers.items()}


def runs(lines: list[dict], size: int) -> dict[tuple, dict[int, dict]]:
    """By (data, variant, steps) the results of each seed, in the order of the table."""
    order = list(variants())
    known = [r for r in lines if r["size"] == size and r["name"] in order]
    known.sort(key=lambda r: (r["data"], order.index(r["name"]), r["steps"], r["seed"]))
    groups = defaultdict(dict)
    for result in known:
        groups[result["data"], result["name"], result["steps"]][result["seed"]] = result
    return groups


def spread(values: list[float], digits: int) -> str:
    """Mean ± standard deviation; of one value no deviation."""
    mean = f"{np.mean(values):.{digits}f}"
    return mean if len(values) < 2 else f"{mean} ± {np.std(values, ddof=1):.{digits}f}"


def distances(lines: list[dict], size: int) -> str:
    """A row for each set of images, variant and number of steps."""
    columns = {ERROR: 4, HIGH_NOISE: 4, "layout": 1, "edges": 1, "fd": 2}
    rows = [
        f"| data | recipe | steps | seeds | {ERROR} | {HIGH_NOISE} | MMD² layout | MMD² edges | FD | copies |",
        "|---" * 10 + "|",
    ]
    for (data, name, steps), seeds in runs(lines, size).items():
        numbers = [measures(r) for r in seeds.values()]
        cells = [data, name, str(steps), str(len(seeds))]
        for column, digits in columns.items():
            values = [n[column] for n in numbers if column in n]
            cells.append(spread(values, digits) if values else "")
        cells.append(f"{np.mean([max(r['copies'].values()) for r in seeds.values()]):.1%}")
        rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows)


def levels(lines: list[dict], size: int) -> str:
    """v-MSE by t / T, a row for each set of images, variant and number of steps."""
    rows, shown = [], None
    for (data, name, steps), seeds in runs(lines, size).items():
        results = list(seeds.values())
        if shown is None:
            shown = results[0]["levels"]
            rows += ["| data | recipe | steps | " + " | ".join(f"{u:g}" for u in shown) + " |"]
            rows += ["|---" * (3 + len(shown)) + "|"]
        means = np.mean([r["v_mse"] for r in results], 0)
        rows.append(f"| {data} | {name} | {steps} | " + " | ".join(f"{m:.4f}" for m in means) + " |")
    return "\n".join(rows)


def factor(part: Speedup | None, charge: float = 1.0) -> str:
    if part is None:
        return ""
    return {-1: "< ", 0: "", 1: "> "}[part.beyond] + f"{part.factor * charge:.2f}"


def speedups(lines: list[dict], size: int, seconds: dict[str, float]) -> str:
    """How many times more steps OLD needs for the distances of every other variant: for each measure the
    geometric mean over seeds, each compared with the mean of OLD's seeds, then that over all measures, in
    steps and, where the `seconds` of a step are known, in time. The last rows are geometric means over data."""
    groups = runs(lines, size)
    curves = defaultdict(lambda: defaultdict(dict))
    for (data, name, steps), seeds in groups.items():
        if name == OLD:
            numbers = [measures(r) for r in seeds.values()]
            for column in numbers[0]:
                curves[data][column][steps] = float(np.mean([n[column] for n in numbers]))

    columns = [ERROR, HIGH_NOISE, "layout", "edges", "fd"]
    rows = [
        f"| data | recipe | steps | seeds | {ERROR} | {HIGH_NOISE} | layout | edges | FD | all, in steps "
        "| range over seeds | all, in time |",
        "|---" * 12 + "|",
    ]
    over_data = defaultdict(list)
    for (data, name, steps), seeds in groups.items():
        if name == OLD or data not in curves:
            continue
        by_seed = [
            {c: speedup(curves[data][c], steps, value) for c, value in measures(r).items()}
            for r in seeds.values()
        ]
        means = {c: combined([s[c] for s in by_seed]) for c in by_seed[0]}
        alls = [combined(list(s.values())) for s in by_seed]
        total = combined(alls)
        over_data[name, steps].append((total, len(seeds)))
        cells = [data, name, str(steps), str(len(seeds)), *(factor(means.get(c)) for c in columns)]
        factors = [a.factor for a in alls]
        cells += [factor(total), f"{min(factors):.2f} to {max(factors):.2f}" if len(factors) > 1 else ""]
        cells.append(in_time(total, name, seconds))
        rows.append("| " + " | ".join(cells) + " |")
    for (name, steps), totals in over_data.items():
        total = combined([t for t, _ in totals])
        seeds = sum(count for _, count in totals)
        cells = [f"all {len(totals)}", name, str(steps), str(seeds), "", "", "", "", "", factor(total), ""]
        rows.append("| " + " | ".join([*cells, in_time(total, name, seconds)]) + " |")
    return "\n".join(rows)


def in_time(total: Speedup, name: str, seconds: dict[str, float]) -> str:
    """A speed-up charged for the time that a step takes."""
    mine = seconds.get(name, seconds.get(priced_as(name)))
    if mine is None or OLD not in seconds:
        return ""
    return factor(total, seconds[OLD] / mine)
