"""The log of a run: rows of figures in a CSV file, and their curves as a picture."""

import contextlib
import csv
import math
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from streamllie.target import write_whole


class Log:
    """Rows of figures in a CSV file, also printed, and drawn beside it as curves.png.

    Of an earlier run it keeps what was written up to step `until`; what came later is about to be done again.
    """

    def __init__(self, path: Path, *, until: int = 0) -> None:
        self.path = path
        self.rows: list[Mapping[str, Any]] = _whole_rows(path, until) if path.exists() else []

    def write(self, **row: Any) -> None:
        """Add one row."""
        self.rows.append(row)
        write_whole(self.path, self._save, overwrite=True)
        print(" ".join(f"{key}={value}" for key, value in row.items()), flush=True)
        write_whole(self.path.with_name("curves.png"), partial(draw, self.rows), overwrite=True)

    @property
    def loss(self) -> float:
        """The last one that was written; not a number if there is none."""
        return float(self.rows[-1].get("loss") or math.nan) if self.rows else math.nan

    def is_best(self, scores: Mapping[str, float]) -> bool:
        """Whether the first of the scores is higher than in all rows so far."""
        name, score = next(iter(scores.items()), ("", 0.0))
        before = [float(row[name]) for row in self.rows if row.get(name)]
        return score > max(filter(math.isfinite, before), default=0.0)

    def _save(self, path: Path) -> None:
        with path.open("w", newline="") as file:
            names = dict.fromkeys(name for row in self.rows for name in row)  # validation sets may come and go
            writer = csv.DictWriter(file, names, restval="")
            writer.writeheader()
            writer.writerows(self.rows)


def _whole_rows(path: Path, until: int) -> list[Mapping[str, Any]]:
    """One row of each step up to `until`; what is torn or no number counts for nothing."""
    found: dict[int, Mapping[str, Any]] = {}
    try:
        with path.open(newline="", errors="replace") as file:
            for row in csv.DictReader(file):
                with contextlib.suppress(ValueError, TypeError, KeyError):
                    numbers = {name: float(value) for name, value in row.items() if value != ""}
                    if numbers["step"] <= until:
                        found[int(numbers["step"])] = row
    except csv.Error:  # no text at all
        return []
    return list(found.values())


def draw(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """The loss above, PSNR of each validation set below, over steps."""
    from matplotlib.figure import Figure  # noqa: PLC0415  takes half a second, once a run has something to show

    steps = [int(row["step"]) for row in rows]
    figure = Figure(figsize=(7, 6), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    above.plot(steps, [float(row.get("loss") or math.nan) for row in rows], marker=".")
    above.set_ylabel("loss")
    for name in dict.fromkeys(name for row in rows for name in row if name.startswith("psnr_")):
        values = [float(row.get(name) or math.nan) for row in rows]
        below.plot(steps, values, marker=".", label=name.removeprefix("psnr_"))
    below.set(xlabel="step", ylabel="PSNR in dB, validation")
    if below.lines:
        below.legend()
    for axis in (above, below):
        axis.grid(alpha=0.3)
    figure.savefig(path, dpi=90)
