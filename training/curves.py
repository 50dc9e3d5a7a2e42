"""The log of a run: rows of figures in a CSV file, and their curves as a picture."""

import csv
from pathlib import Path
from typing import Any


class Log:
    """Rows of figures in a CSV file, also printed, and drawn beside it as curves.png."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, **row: Any) -> None:
        """Append one row; the first one writes the header."""
        new = not self.path.exists()
        with self.path.open("a", newline="") as file:
            writer = csv.DictWriter(file, row)
            if new:
                writer.writeheader()
            writer.writerow(row)
        print(" ".join(f"{key}={value}" for key, value in row.items()), flush=True)
        draw(self.path)


def draw(log: Path) -> Path:
    """The loss above, PSNR of each validation set below, over steps: curves.png beside the log."""
    from matplotlib.figure import Figure  # noqa: PLC0415  takes half a second, once a run has something to show

    with log.open(newline="") as file:
        rows = list(csv.DictReader(file))
    steps = [int(row["step"]) for row in rows]
    figure = Figure(figsize=(7, 6), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    above.plot(steps, [float(row["loss"]) for row in rows], marker=".")
    above.set_ylabel("loss")
    for name in rows[0]:
        if name.startswith("psnr_"):
            below.plot(steps, [float(row[name]) for row in rows], marker=".", label=name.removeprefix("psnr_"))
    below.set(xlabel="step", ylabel="PSNR in dB, validation")
    if below.lines:
        below.legend()
    for axis in (above, below):
        axis.grid(alpha=0.3)
    path = log.with_name("curves.png")
    figure.savefig(path, dpi=90)
    return path
