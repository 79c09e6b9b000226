"""The learning curve: curve.csv, a line for each validation, and curve.png.

    python3 training/curve.py RUN [RUN ...] [--out curve.png]     compares the curves of several runs
"""

import argparse
import csv
from pathlib import Path


def add(out, row):
    """Appends a line to OUT/curve.csv and draws OUT/curve.png, if matplotlib is there."""
    file = out / "curve.csv"
    with file.open("a", newline="") as lines:
        writer = csv.DictWriter(lines, row)
        if lines.tell() == 0:
            writer.writeheader()
        writer.writerow({k: f"{v:.6g}" for k, v in row.items()})
    try:
        draw([out], out / "curve.png")
    except ImportError:
        print("matplotlib is missing: no curve.png", flush=True)


def read(out):
    with (out / "curve.csv").open(newline="") as lines:
        return [{k: float(v) for k, v in row.items()} for row in csv.DictReader(lines)]


def draw(runs, file):
    """Draws what the runs' networks found of the validation sets, over the samples that they had seen."""
    from matplotlib.figure import Figure  # here, for training works without it

    figure = Figure(figsize=(9, 5))
    axes = figure.subplots()
    for i, run in enumerate(runs):
        rows = read(run)
        label = f"{run.name}: " if len(runs) > 1 else ""
        for key, style in (("valid", "-"), ("valid_roi", "--"), ("held_out", ":"), ("held_out_roi", "-.")):
            points = [(r["samples"] / 1000, r[key]) for r in rows if r[key] == r[key]]
            judged = "valid" if rows[-1]["valid"] == rows[-1]["valid"] else "held_out"
            if points and (len(runs) == 1 or key.startswith(judged)):
                axes.plot(*zip(*points), style, color=f"C{i}", marker=".", label=label + key.replace("_", " "))
    axes.set(xlabel="thousands of samples", ylabel="mean IoU")
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
    figure.savefig(file, dpi=100)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="folders that train.py wrote")
    p.add_argument("--out", type=Path, default=Path("curve.png"), metavar="FILE")
    args = p.parse_args()
    draw(args.runs, args.out)
    for run in args.runs:
        last = read(run)[-1]
        print(f"{run.name}: " + ", ".join(f"{k} {v:.4g}" for k, v in last.items()))


if __name__ == "__main__":
    main()
