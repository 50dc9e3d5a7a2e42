"""How the command line talks: words and progress to stderr, results and JSON to stdout, and the exit code."""

from __future__ import annotations

import contextlib
import json as jsonlib
import logging
import math
import sys
import time
import traceback
from typing import TYPE_CHECKING, Any, Self

import typer

from streamllie.bar import Bar
from streamllie.errors import StreamLLIEError
from streamllie.place import redacted_in, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path
    from types import TracebackType

    from streamllie.compare.report import Comparison
    from streamllie.doctor import Finding
    from streamllie.files import Outcome
    from streamllie.live.stats import Stats
    from streamllie.shelf import Model
    from streamllie.timing import Progress, Report
    from streamllie.video.cameras import Camera

verbose = False  # set by --verbose, before any command
EVERY = 0.5  # seconds between progress events
INTERRUPTED = 130  # what shells expect after Ctrl-C


class Talk(logging.Handler):
    """What one command says. Leaving the `with` turns an error into one sentence and the exit code.

    Events go to stdout with `json`. Otherwise words go to stderr, unless `quiet`, and a progress bar if
    somebody sits at a terminal.
    """

    def __init__(self, *, json: bool = False, quiet: bool = False) -> None:
        super().__init__(logging.INFO if verbose else logging.WARNING)
        self._json, self._quiet = json, quiet
        self._bar = Bar()
        self._last_event = -math.inf
        self._last_said = ""

    def __enter__(self) -> Self:
        logger = logging.getLogger("streamllie")
        logger.addHandler(self)
        logger.setLevel(self.level)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.end()
        logging.getLogger("streamllie").removeHandler(self)
        if isinstance(error, KeyboardInterrupt):
            notes = "; ".join(getattr(error, "__notes__", []))
            self._fail(f"interrupted: {notes}" if notes else "interrupted", error, code=INTERRUPTED)
        if isinstance(error, StreamLLIEError):
            self._fail(str(error), error)
        if isinstance(error, Exception) and not isinstance(error, typer.Exit | typer.BadParameter):
            hint = "" if verbose else "; streamllie --verbose shows where"
            self._fail(f"a bug in StreamLLIE, please report it: {type(error).__name__}: {error}{hint}", error)

    def emit(self, record: logging.LogRecord) -> None:
        """Say a warning of the library."""
        if not self._quiet:
            self._say(f"streamllie: {record.getMessage()}")

    # enhance

    def progress(self, source: Path, progress: Progress) -> None:
        """A frame is done."""
        if self._json:
            now = time.monotonic()
            if now - self._last_event >= EVERY:
                self._last_event = now
                self._news(
                    event="progress",
                    input=str(source),
                    frames=progress.frames,
                    estimate=progress.estimate,
                    fps=round(progress.fps, 3),
                    backend=progress.backend,
                )
        elif not self._quiet and sys.stderr.isatty():
            self._bar.show(source, progress)

    def file(self, outcome: Outcome) -> None:
        """A file of a folder is done, skipped or failed."""
        self._bar.end()
        source, target = str(outcome.source), str(outcome.target)
        if self._json:
            if outcome.report is not None:
                self._news(**outcome.report.event() | {"event": "file", "input": source})
            elif outcome.skipped is not None:
                self._news(event="skipped", input=source, message=outcome.skipped)
            else:
                self._news(event="failed", input=source, message=outcome.failed)
        elif outcome.failed is not None:
            self._say(f"{source}: failed: {outcome.failed}")
        elif not self._quiet:
            what = f"-> {target}" if outcome.report is not None else f"skipped: {outcome.skipped}"
            self._say(f"{source}: {what}")

    def done(self, report: Report) -> None:
        """One file is finished."""
        self._bar.end()
        if self._json:
            self._event(**report.event())
        elif not self._quiet:
            self._say(report.sentence())

    def folder_done(self, target: Path, outcomes: list[Outcome]) -> None:
        """All files of a folder were tried: fails if one of them did."""
        reports = [outcome.report for outcome in outcomes if outcome.report is not None]
        failed = [outcome.source.name for outcome in outcomes if outcome.failed is not None]
        skipped = len(outcomes) - len(reports) - len(failed)
        summary = f"{len(reports)} enhanced, {skipped} skipped, {len(failed)} failed"
        if failed:
            raise StreamLLIEError(f"{summary}: {', '.join(failed)}")
        if self._json:
            self._event(**_sum(target, reports))
        elif not self._quiet:
            self._say(f"{summary} -> {target}")

    # live

    def stats(self, stats: Stats) -> None:
        """A second of a live run has passed."""
        if self._json:
            self._news(**stats.event())
        elif not self._quiet and sys.stderr.isatty():
            self._over(stats.line())

    def live_done(self, stats: Stats) -> None:
        """A live run has ended: its figures over all."""
        if self._json:
            self._event(**stats.event() | {"event": "done"})
        elif not self._quiet:
            if sys.stderr.isatty():
                self._over("")
            self._say(f"{stats.frames} frame{'s' * (stats.frames != 1)} in {stats.seconds:.1f} s, {stats.line()}")

    def serving(self, address: str) -> None:
        """The page is there."""
        if self._json:
            self._event(event="serving", address=address)
        else:
            self._print(f"open {address}")

    def browse(self, address: str) -> None:
        """The page is there: open it."""
        import webbrowser  # noqa: PLC0415 - 10 ms

        self.serving(address)
        webbrowser.open(address)

    def cameras(self, cameras: list[Camera]) -> None:
        """What can be looked through."""
        if self._json:
            self._print(jsonlib.dumps([camera.event() for camera in cameras]))
            return
        for camera in cameras:
            self._print(f"{camera.device}  {camera.name}")
            for mode in camera.modes:
                rates = ", ".join(f"{float(rate):g}" for rate in mode.rates)
                self._print(f"    {mode.width}x{mode.height} {mode.pixels}: {rates or 'any'} fps")
        if not cameras:
            self.nothing("there is no camera here, or you may not open it")

    # other commands

    def compared(self, comparison: Comparison) -> None:
        """A page about two videos is written."""
        if self._json:
            self._event(**comparison.event())
            return
        for note in comparison.notes:
            self._say(f"streamllie: {note}")
        before, after = comparison.before, comparison.after
        self._print(f"{comparison.output}: {comparison.moments} frame{'s' * (comparison.moments != 1)} compared")
        self._print(
            f"brightness {before.brightness:.1f} -> {after.brightness:.1f}, "
            f"flicker {before.flicker:.2f} -> {after.flicker:.2f} levels, "
            f"bit rate {before.bit_rate / 1000:.0f} -> {after.bit_rate / 1000:.0f} kbit/s"
        )

    def models(self, models: list[Model]) -> None:
        """The shelf."""
        names = ("name", "parameters", "bytes", "licence", "sha256", "scores")
        rows = [{name: getattr(model, name) for name in names} for model in models]
        if self._json:
            self._print(jsonlib.dumps(_finite(rows), default=str))  # scores of your own may hold dates
            return
        for model in models:
            self._print(*model.lines())

    def step(self, sentence: str) -> None:
        """What a long measurement is doing."""
        if not self._json and sys.stderr.isatty():
            self._say(sentence)

    def findings(self, findings: list[Finding]) -> None:
        """What works and what does not."""
        if self._json:
            for finding in findings:
                self._event(**finding.event())
            return
        for finding in findings:
            self._print(f"{'ok ' if finding.works else 'no '} {finding.subject}: {finding.detail}")

    def result(self, event: Mapping[str, object], lines: Iterable[str]) -> None:
        """What a command found: the event for programs, or the lines for people."""
        if self._json:
            self._event(**event)
        else:
            self._print(*lines)

    def nothing(self, sentence: str) -> None:
        """A list is empty: programs see that by themselves."""
        if not self._json:
            self._say(sentence)

    def share(self, what: str, done: float) -> None:
        """How much of a single long step is done, 0 to 1."""
        if not self._json and sys.stderr.isatty():
            self._over(f"{what}: {done:4.0%}", end="\n" if done >= 1 else "")

    # the ways out

    def refused(self, message: str) -> None:
        """It ends here, and people have been or will be told why: tell programs."""
        if self._json:
            with contextlib.suppress(StreamLLIEError):  # stdout itself may be what failed
                self._event(event="error", message=redacted_in(message))

    def _fail(self, message: str, error: BaseException, *, code: int = 1) -> None:
        if verbose and code == 1:
            print(redacted_in("".join(traceback.format_exception(error))), end="", file=sys.stderr)
        self.refused(message)
        self._say(f"streamllie: {message}")
        raise typer.Exit(code) from None

    def _news(self, **values: Any) -> None:
        """An event while work goes on, which goes on also when the reader has gone; the last event tells of that."""
        with contextlib.suppress(StreamLLIEError):
            self._event(**values)

    def _event(self, **values: Any) -> None:
        self._print(jsonlib.dumps(_finite(values)))

    def _print(self, *lines: str) -> None:
        try:
            print(*map(visible, lines), sep="\n", flush=True)
        except OSError as error:
            raise StreamLLIEError(unread(error)) from error

    def _say(self, sentence: str) -> None:
        if sentence == self._last_said:
            return  # a warning of the library that is also why it ends
        self._last_said = sentence
        line = visible(redacted_in(sentence))
        with contextlib.suppress(OSError):  # a terminal that went away must not cost the work
            if not self._bar.say(line):
                print(line, file=sys.stderr, flush=True)

    def _over(self, line: str, *, end: str = "") -> None:
        """Write over the last line of a terminal."""
        with contextlib.suppress(OSError):
            print(f"\r\x1b[K{visible(line)}", end=end, file=sys.stderr, flush=True)


def unread(error: OSError) -> str:
    """Why nothing more is printed."""
    return f"stdout cannot be written to ({error.strerror}); somebody must read it"


def _sum(target: Path, reports: list[Report]) -> dict[str, object]:
    """The last event of a folder: as of one file, over all of them."""
    frames = sum(report.frames for report in reports)
    seconds = sum(report.seconds for report in reports)
    return {
        "event": "done",
        "frames": frames,
        "seconds": round(seconds, 3),
        "fps": round(frames / max(seconds, 1e-9), 3),
        "backend": reports[0].backend if reports else None,
        "model": reports[0].model if reports else None,
        "output": str(target),
        "bitrate_ratio": None,
    }


def _finite(value: Any) -> Any:
    """JSON has no nan."""
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
