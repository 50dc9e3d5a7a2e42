"""Compare two videos and write what was found as one HTML page that needs nothing else."""

import html
import json
from dataclasses import asdict, dataclass
from importlib import resources
from itertools import pairwise
from pathlib import Path

import numpy as np

from streamllie.compare.figures import Figures
from streamllie.compare.pairs import Together
from streamllie.compare.views import Views, view_size
from streamllie.errors import SinkError, SourceError
from streamllie.frame import USUAL_RATE, VideoFormat
from streamllie.place import local, visible
from streamllie.target import check_target, write_whole

SUFFIXES = (".html", ".htm")
POINTS = 4000  # of a curve; of a longer video the least and the largest value of each stretch are drawn
ROWS = 600  # of the table; of a longer video it has the frames that are shown as pictures
NAMES = ("before", "after", "reference")


@dataclass(frozen=True, kw_only=True)
class Side:
    """The figures of one video."""

    name: str  # of the file
    height: int
    width: int
    rate: float | None  # frames per second
    frames: int
    seconds: float
    bit_rate: float  # bits per second of the video stream
    brightness: float  # mean luma, 0 to 255
    flicker: float  # levels, see `figures.Flicker`
    flicker_cell: float
    psnr: float | None = None  # dB of luma, against the reference
    flicker_to_reference: float | None = None
    flicker_to_reference_cell: float | None = None


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What a comparison found."""

    output: str
    moments: int  # that were compared: frames of the first video
    before: Side
    after: Side
    notes: tuple[str, ...] = ()  # where the videos do not match, and what the page leaves out

    def event(self) -> dict[str, object]:
        """The line of `compare --json`."""
        return {"event": "done", **asdict(self)}


def compare(
    before: str | Path,
    after: str | Path,
    target: str | Path,
    *,
    reference: str | Path | None = None,
    overwrite: bool = False,
) -> Comparison:
    """Compare two videos, frame by frame and by their times, and write a page about it.

    `reference` is a video that shows how it should look. The page gets its name when it is complete.

    Raises:
        SourceError: a video cannot be read.
        SinkError: the page cannot be written under that name.
    """
    given = (before, after) if reference is None else (before, after, reference)
    paths, target = [local(path, SourceError) for path in given], local(target, SinkError)
    if target.suffix.lower() not in SUFFIXES:
        raise SinkError(f'"{target.name}" is not a name for a page; let it end in .html')
    with Together(*paths) as videos:
        for path in paths:
            check_target(target, source=path, overwrite=overwrite)
        formats = videos.formats
        figures, views = Figures(formats, reference=reference is not None), Views(formats)
        for index, moment in enumerate(videos):
            figures.add(moment)
            views.add(index, moment)
        sides = [_side(videos, figures, which) for which in (0, 1)]
        shots = views.shots()
        no_psnr = reference is not None and sides[0].psnr is None
        notes = (*_mismatches(videos, formats), *_left_out(len(figures.times), len(shots), no_psnr=no_psnr))
    found = Comparison(output=str(target), moments=len(figures.times), before=sides[0], after=sides[1], notes=notes)
    names = [visible(path.name) for path in paths]
    page = _page(found, figures, shots, names, view_size(formats[0]))
    write_whole(target, lambda path: path.write_text(page, encoding="utf-8"), overwrite=overwrite)
    return found


def _side(videos: Together, figures: Figures, which: int) -> Side:
    source, video = videos.sources[which], videos.formats[which]
    flicker, to_reference, psnr = (
        figures.flicker(which), figures.flicker_to_reference(which), figures.psnr(which)
    )  # fmt: skip
    height, width = video.shown_size
    seconds = float(videos.lengths[which])
    return Side(
        name=source.path.name,
        height=height,
        width=width,
        rate=None if video.rate is None else round(float(video.rate), 3),
        frames=videos.counts[which],
        seconds=round(seconds, 3),
        bit_rate=round(8 * source.video_bytes / max(seconds, 1e-9)),
        brightness=_short(figures.brightness(which).mean()),
        flicker=_short(flicker.whole),
        flicker_cell=_short(flicker.cell),
        psnr=None if psnr is None else _short(psnr.mean()),
        flicker_to_reference=to_reference and _short(to_reference.whole),
        flicker_to_reference_cell=to_reference and _short(to_reference.cell),
    )


def _mismatches(videos: Together, formats: list[VideoFormat]) -> list[str]:
    """One sentence for each thing in which a video differs from the first."""
    said: list[str] = []
    first, length = formats[0], videos.lengths[0]
    for n, name in enumerate(NAMES[1 : len(formats)], start=1):
        video, other = formats[n], videos.lengths[n]
        (height, width), (tall, wide) = first.shown_size, video.shown_size
        if (tall, wide) != (height, width):
            said.append(f"before is {width}x{height} and {name} is {wide}x{tall}: shown at the size of before")
        if abs(other - length) > 2 / (first.rate or USUAL_RATE):
            mine, yours = (f"{float(seconds):.2f} s" for seconds in (length, other))
            said.append(f"before is {mine} long and {name} {yours}: compared over {mine if length < other else yours}")
        elif videos.counts[n] != videos.counts[0]:
            said.append(
                f"before has {videos.counts[0]} frames and {name} {videos.counts[n]}: each frame of before is compared"
                f" with what {name} shows at its time"
            )
    return said


def _left_out(moments: int, shown: int, *, no_psnr: bool) -> list[str]:
    said: list[str] = []
    if no_psnr:
        said.append("no PSNR: all three videos must be of one size")
    if shown < moments:
        said.append(f"the page holds pictures of {shown} of {moments} frames, evenly chosen; figures are of all")
    if moments > ROWS:
        said.append("the table has the frames that are shown as pictures")
    return said


def _page(
    found: Comparison, figures: Figures, shots: list[dict[str, object]], names: list[str], size: tuple[int, int]
) -> str:
    count = len(names)
    curves = [figures.brightness(n) for n in range(count)]
    psnr = [figures.psnr(n) for n in (0, 1)]
    chosen = range(found.moments) if found.moments <= ROWS else [int(str(shot["index"])) for shot in shots]
    columns = [("frame", list(chosen)), ("time", [round(figures.times[n], 3) for n in chosen])]
    columns += [(name, [_short(curve[n]) for n in chosen]) for name, curve in zip(NAMES, curves, strict=False)]
    columns += [
        (f"psnr {name}", [_short(values[n]) for n in chosen])
        for name, values in zip(NAMES, psnr, strict=False)
        if values is not None
    ]
    data = {
        "names": names,
        "sides": [asdict(found.before), asdict(found.after)],
        "moments": found.moments,
        "notes": found.notes,
        "height": size[0],
        "width": size[1],
        "shots": shots,
        "curves": [_curve(figures.times, curve) for curve in curves],
        "flicker": [_curve(figures.times, 100 * figures.fast(n) / max(curves[n].mean(), 1.0)) for n in range(count)],
        "psnr": [_curve(figures.times, values) for values in psnr if values is not None],
        "cuts": [round(figures.times[n], 3) for n in figures.cuts],
        "columns": [{"name": name, "values": values} for name, values in columns],
    }
    text = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")  # no "</script>" in a file's name
    page = resources.files("streamllie.compare").joinpath("page.html").read_text(encoding="utf-8")
    before_title, rest = page.split("{{title}}")
    before_data, end = rest.split("{{data}}")
    return f"{before_title}{html.escape(f'{names[0]} and {names[1]}')}{before_data}{text}{end}"


def _curve(times: list[float], values: np.ndarray) -> list[list[float]]:
    """Points (seconds, level): all, or of each stretch the least and the largest, in the order of time."""
    wanted = range(len(times))
    if len(times) > POINTS:
        edges = np.linspace(0, len(times), POINTS // 2 + 1).astype(int)
        stretches = [(int(a), int(b)) for a, b in pairwise(edges)]
        ends = [{a + int(values[a:b].argmin()), a + int(values[a:b].argmax())} for a, b in stretches]
        wanted = sorted(set[int]().union(*ends))
    return [[round(times[n], 3), _short(values[n])] for n in wanted]


def _short(value: float) -> float:
    return round(float(value), 3)
