"""Enhance whatever a path names: a video, a picture, or a folder of both."""

import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict, Unpack

from streamllie import stills
from streamllie.defaults import MODEL, SMOOTHING
from streamllie.enhance import enhance_video
from streamllie.enhancer import Enhancer
from streamllie.errors import BackendMissing, ModelError, NoDeepGraph, SinkError, SourceError, StreamLLIEError
from streamllie.place import exists, is_file, is_folder, local
from streamllie.split import split_rgb
from streamllie.target import check_target
from streamllie.temporal.policy import Smoothing
from streamllie.timing import Meter, Progress, Report
from streamllie.video.containers import CONTAINERS

log = logging.getLogger(__name__)

VIDEO_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".ts", ".m2ts", ".mts", ".mpg", ".mpeg", ".vob"}
    | {".wmv", ".flv", ".3gp", ".ogv", ".gif", ".mxf", ".dv"}
)


class Options(TypedDict, total=False):
    """The keywords of `enhance_video`, for those who pass them on."""

    model: str | Path
    backend: str
    precision: str
    cuda: str
    strength: float
    smoothing: float
    codec: str
    crf: float | None
    preset: str | None
    max_bitrate: str | int | None
    start: float | None
    duration: float | None
    overwrite: bool
    compare: bool


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one file of a folder."""

    source: Path
    target: Path
    report: Report | None = None  # it was enhanced
    skipped: str | None = None  # it is no media, or was done before: why we think so
    failed: str | None = None  # the one sentence of its error


def enhance_file(
    source: str | Path,
    target: str | Path,
    *,
    on_progress: Callable[[Progress], None] | None = None,
    **options: Unpack[Options],
) -> Report:
    """Enhance one video, or one png, jpg or webp picture, which has no use for the options of videos.

    Raises what `enhance_video` raises.
    """
    source, target = local(source, SourceError), local(target, SinkError)
    if is_folder(target):
        raise SinkError(f'"{target}" is a folder; give the name of a file in it')
    if not stills.is_still(source):
        if stills.is_still(target):
            raise SinkError(
                f'"{source.name}" is no picture by its name, and cannot become "{target.name}"; of pictures there are'
                f" {', '.join(sorted(stills.SUFFIXES))}"
            )
        return enhance_video(source, target, on_progress=on_progress, **options)
    with _enhancer(options) as enhancer:
        return _enhance_picture(enhancer, source, target, options)


def enhance_folder(
    source: str | Path,
    target: str | Path,
    *,
    on_file: Callable[[Outcome], None] | None = None,
    on_progress: Callable[[Path, Progress], None] | None = None,
    **options: Unpack[Options],
) -> list[Outcome]:
    """Enhance every video and picture of a folder and of those in it, each under its own name in the target.

    Videos in a format that is only read, such as mpg, become mkv: "a.mpg" comes out as "a.mpg.mkv".
    What is no media by its name is skipped, and so is, without `overwrite`, what has its output already: a run that was
    ended goes on when it is started again. So is what lies in the target, if that is in the source, and was not made
    from it. A file that fails does not stop the others, and one whose output would lie among the sources fails. All are
    told to `on_file` as they happen, and are in the list that comes back. Hidden files are not looked at.

    Raises:
        StreamLLIEError: the folder cannot be read, or there is no such model or backend.
        ValueError: an option is out of range.
    """
    source, target = local(source, SourceError), local(target, SinkError)
    if exists(target) and not is_folder(target):
        raise SinkError(f'"{target}" is a file; a folder of files needs a folder to go to')
    try:
        same = os.path.realpath(target) == os.path.realpath(source)  # takes links that lead in a circle
    except OSError as error:
        raise SourceError(f'"{source}" cannot be found ({error.strerror}); was the folder removed?') from error
    if same:
        raise SinkError(f'"{target}" is the input itself; give another folder')
    Smoothing(options.get("smoothing", SMOOTHING))  # refuses what is out of range
    outcomes: list[Outcome] = []

    def tell(outcome: Outcome) -> None:
        outcomes.append(outcome)
        if on_file is not None:
            on_file(outcome)

    owners: dict[Path, Path] = {}  # whose output a file is
    inside = _is_in(target, source)
    with _enhancer(options) as enhancer:
        for path in _files(source, besides=target):
            goal = _goal(target / path.relative_to(source))
            if (other := owners.setdefault(goal, path)) != path:
                why = f'its output "{goal}" is that of "{other}"; rename one of the two'
                tell(Outcome(source=path, target=goal, failed=why))
            elif not inside and _is_in(goal.parent, source):
                why = f'its output "{goal}" would lie among the files to enhance; give a folder elsewhere'
                tell(Outcome(source=path, target=goal, failed=why))
            else:
                tell(_enhance_one(enhancer, path, goal, on_progress, options))
        for path in _files(target) if inside and is_folder(target) else ():
            if path not in owners:
                why = "it lies in the folder to write to, and is of no file outside; move it out to have it enhanced"
                tell(Outcome(source=path, target=path, skipped=why))
    if not outcomes:
        raise SourceError(f'the folder "{source}" has no files')
    return outcomes


def _enhance_one(
    enhancer: Enhancer,
    source: Path,
    target: Path,
    on_progress: Callable[[Path, Progress], None] | None,
    options: Options,
) -> Outcome:
    if is_folder(source):
        return Outcome(source=source, target=target, skipped="a link to a folder; name that folder itself")
    is_still = stills.is_still(source)
    if not is_still and source.suffix.lower() not in VIDEO_SUFFIXES:
        return Outcome(source=source, target=target, skipped="neither a video nor a picture by its name")
    done = is_file(source) and is_file(target) and not target.samefile(source)
    if done and not options.get("overwrite", False):
        return Outcome(source=source, target=target, skipped=f'"{target}" exists; --overwrite replaces it')

    def tell(progress: Progress) -> None:
        if on_progress is not None:
            on_progress(source, progress)

    try:
        _make_folder(target.parent)
        if is_still:
            report = _enhance_picture(enhancer, source, target, options)
        else:
            report = enhance_video(source, target, on_progress=tell, **options)
    except StreamLLIEError as error:
        if isinstance(error, (ModelError, BackendMissing)) and not isinstance(error, NoDeepGraph):
            raise  # every other file would fail alike
        return Outcome(source=source, target=target, failed=str(error))
    except Exception as error:
        log.debug("%s failed", source, exc_info=True)
        return Outcome(source=source, target=target, failed=f"{type(error).__name__}: {error}")
    return Outcome(source=source, target=target, report=report)


def _enhance_picture(enhancer: Enhancer, source: Path, target: Path, options: Options) -> Report:
    overwrite = options.get("overwrite", False)
    meter = Meter()
    if not stills.is_still(target):
        known = ", ".join(sorted(stills.SUFFIXES))
        raise SinkError(f'"{source.name}" is a picture and cannot become "{target.name}"; use one of {known}')
    check_target(target, source=source, overwrite=overwrite)
    still = stills.read(source)
    bright = enhancer(still.rgb)
    if options.get("compare", False):
        bright = split_rgb(still.rgb, bright)
    written = stills.write(target, still.with_rgb(bright), overwrite=overwrite)
    notes = still.notes + written
    for note in notes:
        log.warning("%s: %s", source.name, note)
    return Report(
        frames=meter.count(),
        seconds=meter.seconds,
        backend=enhancer.backend,
        precision=enhancer.precision,
        model=enhancer.model.name,
        output=str(target),
        notes=notes,
    )


def _enhancer(options: Options) -> Enhancer:
    """For pictures that have nothing to do with each other."""
    return Enhancer(
        options.get("model", MODEL),
        backend=options.get("backend", "auto"),
        precision=options.get("precision", "auto"),
        cuda=options.get("cuda", "auto"),
        strength=options.get("strength", 1.0),
    )


def _is_in(path: Path, folder: Path) -> bool:
    """Whether a folder is another one or lies somewhere in it, whatever links lead there."""
    real = Path(os.path.realpath(path))
    return Path(os.path.realpath(folder)) in {real, *real.parents}


def _files(folder: Path, *, besides: Path | None = None) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        raise SourceError(f'cannot list "{error.filename}": {error.strerror}') from error

    left_out = besides and os.path.realpath(besides)
    for name, folders, files in os.walk(folder, onerror=refuse):
        here = Path(name)
        folders[:] = sorted(f for f in folders if not f.startswith(".") and os.path.realpath(here / f) != left_out)
        yield from (here / f for f in folders if (here / f).is_symlink())  # they are not entered
        yield from (here / file for file in sorted(files) if not file.startswith("."))


def _goal(path: Path) -> Path:
    """The name to write to. The old suffix stays, so that a.mpg and a.mkv of one folder do not clash."""
    readable_only = path.suffix.lower() in VIDEO_SUFFIXES - CONTAINERS.keys()
    return path.with_name(f"{path.name}.mkv") if readable_only else path


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SinkError(f'cannot make the folder "{folder}": {error.strerror}') from error
