"""Measure every backend that runs here, in every precision it has, against each other and against eager."""

import importlib.util
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from streamllie.backends import BACKENDS, PRECISIONS, available, can_run, open_engine
from streamllie.backends.base import Engine
from streamllie.bench_engine import KEEP, ROUNDS, durations_of
from streamllie.bench_memory import as_child, in_a_process, memory_mb
from streamllie.defaults import MODEL
from streamllie.errors import BackendError, BackendMissing, StreamLLIEError
from streamllie.frame import Frame, VideoFormat
from streamllie.night import dark_frames
from streamllie.shelf import Model, find
from streamllie.target import check_target, write_whole
from streamllie.timing import percentile

REFERENCE = "eager"
TURN = 4.0  # seconds, at most, that an engine is measured in one round
LEAST = 5  # frames in one round, however slow
COMPARED = 4  # frames whose pictures are compared with the reference's


@dataclass(frozen=True, kw_only=True)
class Row:
    """One backend in one precision at one size."""

    size: str
    backend: str
    precision: str
    p50_ms: float
    p99_ms: float
    fps: float  # of the engine alone, from the median
    memory_mb: float  # peak of a process that does nothing else
    largest: float | None  # difference to the reference, levels of 8 bits; None without torch
    mean: float | None


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The table, and why some backends are not in it."""

    model: str
    rows: list[Row]
    absent: dict[str, str]

    def event(self) -> dict[str, object]:
        """The line of `bench --backend all --json`."""
        return {"model": self.model, "rows": [asdict(row) for row in self.rows], "absent": self.absent}

    def lines(self) -> Iterator[str]:
        """The same for people: a table in Markdown."""
        yield "| size | backend | precision | ms p50 | p99 | fps | MB | largest difference | mean |"
        yield "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |"
        for r in self.rows:
            times = f"{r.p50_ms:.2f} | {r.p99_ms:.2f} | {r.fps:.1f} | {r.memory_mb:.0f}"
            differences = "- | -" if r.largest is None or r.mean is None else f"{r.largest:.0f} | {r.mean:.3f}"
            yield f"| {r.size} | {r.backend} | {r.precision} | {times} | {differences} |"
        for name, reason in self.absent.items():
            yield f"without {name}: {reason}"


def compare(
    sizes: list[tuple[int, int]],
    *,
    model: str | Path = MODEL,
    frames: int = 120,
    on_step: Callable[[str], None] = lambda step: None,
) -> Comparison:
    """Measure all backends at sizes of (height, width) each; at most `frames` frames for each row.

    Raises:
        BackendMissing: none that is here runs the model.
    """
    found = find(model)
    useless = {name: f"it does not run {found.path.name}" for name in BACKENDS if not can_run(name, found)}
    absent = {name: reason for name, reason in available().items() if reason is not None} | useless
    names = [name for name in BACKENDS if name not in absent]
    if not names:
        raise BackendMissing(f"no backend here runs {found.path}; `streamllie doctor` says why, or name an .onnx file")
    rows = [row for height, width in sizes for row in _rows(model, names, height, width, frames, on_step, absent)]
    if not rows:
        raise BackendMissing(f"no backend here runs {found.path}: {'; '.join(absent[name] for name in names)}")
    return Comparison(model=found.name, rows=rows, absent=absent)


def check_plot(target: Path, *, overwrite: bool) -> None:
    """Raise if the chart cannot be drawn, or not get this name. Call it before the minutes that measuring takes."""
    if importlib.util.find_spec("matplotlib") is None:
        raise StreamLLIEError("a plot needs matplotlib, which is not installed; pip install matplotlib")
    if target.suffix.lower() != ".png":
        raise StreamLLIEError(f'"{target}" ends in "{target.suffix}"; a plot is a .png')
    check_target(target, overwrite=overwrite)


def draw(comparison: Comparison, target: Path, *, overwrite: bool = False) -> None:
    """Write the table as a bar chart in a PNG.

    Raises:
        StreamLLIEError: the file cannot be written.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415 - large, and only for this

    rows = comparison.rows
    figure = Figure(figsize=(9, 1.2 + 0.4 * len(rows)), layout="constrained")
    axes = figure.subplots()
    names = [f"{row.size}  {row.backend} {row.precision}, {row.fps:.1f} fps" for row in rows]
    axes.barh(names, [row.p50_ms for row in rows], color="#3b6ea5")
    axes.errorbar(
        [row.p50_ms for row in rows], names, fmt="none", ecolor="#222222", capsize=3,
        xerr=[[0.0] * len(rows), [max(row.p99_ms - row.p50_ms, 0) for row in rows]],
    )  # fmt: skip
    axes.invert_yaxis()
    axes.set_xlabel("milliseconds per frame: median, and the slowest in a hundred")
    axes.set_title(f"{comparison.model}, engine alone")
    write_whole(target, lambda path: figure.savefig(path, dpi=120, format="png"), overwrite=overwrite)


def _rows(  # noqa: PLR0917 - private, called once
    model: str | Path,
    names: list[str],
    height: int,
    width: int,
    frames: int,
    on_step: Callable[[str], None],
    absent: dict[str, str],
) -> Iterator[Row]:
    size = f"{width}x{height}"
    format = VideoFormat(height=height, width=width)
    found, dark = find(model), dark_frames(height=height, width=width, count=16)
    with ExitStack() as stack:
        opened = (engine for name in names for engine in _all_precisions(name, found, format, absent))
        engines = [stack.enter_context(engine) for engine in opened]
        durations: list[list[float]] = [[] for _ in engines]
        pictures = {(e.backend, e.precision): _pictures(e, dark[:COMPARED]) for e in engines}
        for turn in range(ROUNDS):
            for engine, times in zip(engines, durations, strict=True):
                on_step(f"{size}, {turn + 1} of {ROUNDS}: {engine.backend} {engine.precision}")
                count = max(frames // ROUNDS, LEAST)
                times.extend(durations_of(engine, dark, count=count, least=LEAST, seconds=TURN))
    reference = pictures.get((REFERENCE, "fp32"))
    for engine, times in zip(engines, durations, strict=True):
        largest, mean = _differences(pictures[engine.backend, engine.precision], reference)
        median = 1000 * percentile(times, 0.5)
        on_step(f"{size}: memory of {engine.backend} {engine.precision}")
        yield Row(
            size=size,
            backend=engine.backend,
            precision=engine.precision,
            p50_ms=round(median, 3),
            p99_ms=round(1000 * percentile(times, 0.99), 3),
            fps=round(1000 / median, 1),
            memory_mb=round(_memory(model, engine, height, width)),
            largest=largest,
            mean=mean,
        )


def _all_precisions(name: str, model: Model, format: VideoFormat, absent: dict[str, str]) -> Iterator[Engine]:
    """An engine of each precision that the backend has; `absent` gets the reason if it opens in none."""
    opened, why = False, ""
    for precision in PRECISIONS[1:]:
        try:
            engine = open_engine(model, format, backend=name, precision=precision)
        except BackendError as error:
            why = str(error)  # it has no such precision, or does not start on this machine
            continue
        opened = True
        yield engine
    if not opened:
        absent[name] = why


def _pictures(engine: Engine, dark: list[Frame]) -> list[Frame]:
    engine.reset()
    return [engine(frame, keep=KEEP) for frame in dark]


def _differences(found: list[Frame], reference: list[Frame] | None) -> tuple[float | None, float | None]:
    if reference is None:
        return None, None
    gaps = [
        np.abs(p.astype(np.float32) - q)
        for a, b in zip(found, reference, strict=True)
        for p, q in ((a.y, b.y), (a.u, b.u), (a.v, b.v))
    ]
    return max(float(gap.max()) for gap in gaps), round(float(np.mean([gap.mean() for gap in gaps])), 4)


def _memory(model: str | Path, engine: Engine, height: int, width: int) -> float:
    """Peak memory of a process that runs this engine on a few frames."""
    words = (model, engine.backend, engine.precision, height, width)
    return in_a_process("streamllie.bench_backends", *words)["peak_mb"]


def _measure_memory(model: str, backend: str, precision: str, height: str, width: str) -> None:
    format = VideoFormat(height=int(height), width=int(width))
    with open_engine(find(model), format, backend=backend, precision=precision) as engine:
        for frame in dark_frames(height=format.height, width=format.width, count=2):
            engine(frame)
    print(json.dumps({"peak_mb": memory_mb("VmHWM")}))


if __name__ == "__main__":
    as_child(_measure_memory)
