"""Score a model on clips: how good and how steady its video is, single-frame and smoothed. See `evaluate --clips`."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, fields
from fractions import Fraction
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx

from streamllie import shelf
from streamllie.backends import open_engine
from streamllie.defaults import SMOOTHING
from streamllie.enhance import Steady
from streamllie.frame import Frame, VideoFormat
from streamllie.pictures import to_planes, to_rgb
from streamllie.temporal.policy import Smoothing
from training.clips import GRAIN, HELD, LIGHTS, SUBTITLE, Scene
from training.metrics import psnr, ssim
from training.planes import Rgb
from training.temporal_metrics import Flow, flicker, flows, settling, trail_error, warping_error

MODES = {"single": 0.0, "smoothed": SMOOTHING, "denoised": SMOOTHING}  # the amount of smoothing
FILLING = 1.0  # seconds in which a memory that begins empty fills: what it changes meanwhile is no flicker
GATE = "network.history.weigh."  # the last layer of what trusts the history: its names in a graph
NEVER = 100.0  # the sigmoid of -NEVER is no trust at all
EVERY = 10  # SSIM is of one frame in so many; it takes longer than all else


@dataclass(frozen=True, kw_only=True)
class Row:
    """The scores of one scene in one light and mode; errors in 8-bit levels, as `temporal_metrics` defines them."""

    scene: str
    light: str
    mode: str
    psnr: float  # dB, of the mean squared error of all frames; at most 60
    ssim: float
    flicker: float  # against the truth
    cell: float
    shimmer: float | None  # the same against the mode's own result for the calm clip: of noise and hunting alone
    shimmer_cell: float | None
    warping: float
    trail: float | None  # where anything was uncovered
    settling: float | None  # seconds; of a switched light only
    rebound: float | None


def rows(made: Iterable[Scene], *, model: str, backend: str = "auto", precision: str = "auto") -> Iterator[Row]:
    """Scores of each scene in each light: of the input, then of each of MODES, through the engine that users get.

    "smoothed" is a model whose temporal denoising is off; one without any has no "denoised".
    """
    with TemporaryDirectory(prefix="streamllie-steadiness-") as folder:
        found = shelf.find(model)
        models = {"single": found, "smoothed": found}
        if (off := _without_denoising(found, Path(folder))) is not None:
            models |= {"smoothed": off, "denoised": found}
        yield from _rows(made, models, backend=backend, precision=precision)


def _rows(made: Iterable[Scene], models: dict[str, shelf.Model], *, backend: str, precision: str) -> Iterator[Row]:
    for scene in made:
        height, width = scene.truth[0].shape[:2]
        format = VideoFormat(height=height, width=width, full_range=True)
        motion, calm = flows(scene.truth), scene.calm()
        with ExitStack() as stack:
            results: dict[str, Callable[[list[Rgb]], list[Rgb]]] = {"input": lambda frames: frames}
            for mode, model in models.items():
                engine = stack.enter_context(open_engine(model, format, backend=backend, precision=precision))
                steady = Steady(engine, format, Smoothing(MODES[mode]), strength=1.0)
                results[mode] = partial(enhanced, enhance=steady, rate=scene.rate)
            calms = {mode: result(calm) for mode, result in results.items()}
            for light in LIGHTS:
                dark = scene.dark(light)
                for mode, result in results.items():
                    yield score(scene, light, mode, result(dark), motion=motion, calm=calms[mode])


def enhanced(dark: list[Rgb], enhance: Steady, *, rate: float) -> list[Rgb]:
    """Frames through an engine that remembers none yet, as planes and at their times."""
    enhance.forget()
    out: list[Rgb] = []
    for n, rgb in enumerate(dark):
        y, u, v = to_planes(rgb)
        bright = enhance(Frame(y=y, u=u, v=v, pts=n, time_base=1 / Fraction(rate)))
        out.append(to_rgb(bright.y, bright.u, bright.v))
    return out


def score(scene: Scene, light: str, mode: str, frames: list[Rgb], *, motion: list[Flow], calm: list[Rgb]) -> Row:
    """All figures of one result; `calm` is the mode's result for the calm clip."""
    full = slice(min(round(FILLING * scene.rate), len(frames) // 2), None)
    restless = flicker(frames[full], scene.truth[full])
    own = None if light == "switch" else flicker(frames[full], calm[full])
    settled = settling(frames, scene.truth, switch=scene.switch, rate=scene.rate) if light == "switch" else None
    errors = [10 ** (-psnr(a, b) / 10) for a, b in zip(frames, scene.truth, strict=True)]
    return Row(
        scene=scene.name,
        light=light,
        mode=mode,
        psnr=float(-10 * np.log10(max(np.mean(errors), 1e-6))),
        ssim=float(np.mean([ssim(a, b) for a, b in zip(frames[::EVERY], scene.truth[::EVERY], strict=True)])),
        flicker=restless.whole,
        cell=restless.cell,
        shimmer=own and own.whole,
        shimmer_cell=own and own.cell,
        warping=warping_error(frames, motion),
        trail=trail_error(frames, scene.truth, rate=scene.rate),
        settling=settled and settled.seconds,
        rebound=settled and settled.rebound,
    )


def table(scored: Iterable[Row]) -> Iterator[str]:
    """The rows for people, as they come."""
    names = [f.name for f in fields(Row)]
    yield "".join(f"{name:16}" if n == 0 else f"{name:>13}" for n, name in enumerate(names))
    for row in scored:
        values = [getattr(row, name) for name in names]
        texts = ["" if v is None else v if isinstance(v, str) else f"{v:.3f}" for v in values]
        yield "".join(f"{text:16}" if n == 0 else f"{text:>13}" for n, text in enumerate(texts))


def summary(scored: list[Row]) -> dict[str, dict[str, float]]:
    """For each group of scenes, light and mode: the mode against "single" and its worst settling time in seconds.

    Errors are ratios of the means over the group, less is better; `psnr` is a difference in dB.
    """
    groups: dict[str, dict[str, float]] = {}
    for row in scored:
        key = f"{_group(row)}, {row.light}, {row.mode}"
        if row.mode in ("input", "single") or key in groups:
            continue
        alike = [r for r in scored if (_group(r), r.light) == (_group(row), row.light)]
        ours, single = ([r for r in alike if r.mode == mode] for mode in (row.mode, "single"))
        groups[key] = {"psnr": _mean(ours, "psnr") - _mean(single, "psnr")}
        for name in ("flicker", "cell", "shimmer", "shimmer_cell", "warping", "trail"):
            if any(getattr(r, name) is not None for r in ours):
                groups[key][name] = _mean(ours, name) / max(_mean(single, name), 1e-9)
        if row.settling is not None:
            groups[key]["settling"] = max(r.settling or 0.0 for r in ours)
        groups[key] = {name: round(value, 3) for name, value in groups[key].items()}
    return groups


def _without_denoising(model: shelf.Model, folder: Path) -> shelf.Model | None:
    """The same graph with a gate that trusts nothing; None if the model does not denoise over time."""
    if model.path.suffix != shelf.GRAPH:
        raise ValueError(f"{model.path} is no graph, which clips need; export it first, see training/README.md")
    program = onnx.load(model.path)
    gate = [weights for weights in program.graph.initializer if weights.name.startswith(GATE)]
    if not gate:
        return None
    for weights in gate:
        closed = np.full(weights.dims, -NEVER if weights.name.endswith("bias") else 0, np.float32)
        weights.CopyFrom(onnx.numpy_helper.from_array(closed, weights.name))
    path = folder / f"{model.name}.onnx"
    onnx.save(program, path)
    return shelf.find(path)


def _group(row: Row) -> str:
    for group in ("person-d", HELD, GRAIN, SUBTITLE):
        if row.scene.startswith(group):
            return group
    return "still" if row.scene.startswith("still") else "moving"


def _mean(rows: list[Row], name: str) -> float:
    values = [getattr(row, name) for row in rows]
    return float(np.mean([value for value in values if value is not None]))
