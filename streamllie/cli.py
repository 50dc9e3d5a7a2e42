"""The command line: parse, call one library function, print."""

from __future__ import annotations

import atexit
import io
import math
import os
import signal
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer
import typer.core

import streamllie
from streamllie import cli_engine, cli_live, console
from streamllie.arguments import (
    AnyBackend,
    BackendOption,
    Codec,
    CudaOption,
    JsonListOption,
    JsonOption,
    ModelOption,
    OverwriteOption,
    PrecisionOption,
    QuietOption,
    SmoothingOption,
    StrengthOption,
    length,
    path,
    place,
    seconds,
    sizes,
)
from streamllie.defaults import MODEL, SMOOTHING
from streamllie.interrupts import SIGNALS
from streamllie.place import goes_live, is_folder, redacted_in


class Commands(typer.core.TyperGroup):
    """Commands that say what is wrong with their words without the secrets in them."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that is named."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            if isinstance(message := getattr(error, "message", None), str):  # typer's, of wrong usage
                vars(error)["message"] = redacted_in(message)
            raise


app = typer.Typer(
    cls=Commands,
    name="streamllie",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

IMPATIENT = 2.0  # seconds after a signal in which another one means no more
_interrupted = -math.inf  # when the last was heard


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"streamllie {streamllie.__version__}", flush=True)
        raise typer.Exit


@app.callback(help="Make dark video bright, clean and steady, in real time.")
def options(
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say more, and show where errors arise.")] = False,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    """Options before the command."""
    console.verbose = verbose


@app.command()
def enhance(
    source: Annotated[
        Any, typer.Argument(metavar="INPUT", parser=place, help="A video, a picture, a folder, a URL, or a camera.")
    ],
    target: Annotated[
        Any, typer.Argument(metavar="OUTPUT", parser=place, help="The same kind; its suffix says the format. Or a URL.")
    ],
    *,
    model: ModelOption = MODEL,
    backend: BackendOption = "auto",
    precision: PrecisionOption = "auto",
    cuda: CudaOption = "auto",
    strength: StrengthOption = 1.0,
    smoothing: SmoothingOption = SMOOTHING,
    codec: Annotated[Codec, typer.Option(help="auto: the source's, or what keeps size and bits.")] = "auto",
    crf: Annotated[float | None, typer.Option(min=0, metavar="N", help="Quality; less is better and bigger.")] = None,
    preset: Annotated[str | None, typer.Option(metavar="P", help="The encoder's word for speed.")] = None,
    max_bitrate: Annotated[
        str | None,
        typer.Option(
            metavar="R", help="Bits per second, such as 8M; by default 4 times the source, or what its size needs."
        ),
    ] = None,
    start: Annotated[
        float | None, typer.Option(metavar="T", parser=seconds, help="Begin here: 90, 1:30 or 00:01:30.0.")
    ] = None,
    duration: Annotated[float | None, typer.Option(metavar="T", parser=length, help="Stop after so much time.")] = None,
    overwrite: OverwriteOption = False,
    compare: Annotated[
        bool, typer.Option("--compare", help="Show the source on the left half of every picture.")
    ] = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Enhance a video, a picture, or every one in a folder.

    Pictures have no use for --smoothing and for --codec to --duration, and ignore them.
    """
    with console.Talk(json=json, quiet=quiet) as talk:
        from streamllie.files import Options, enhance_file, enhance_folder  # noqa: PLC0415 - loads libav

        options = Options(
            model=model, backend=backend, precision=precision, cuda=cuda, strength=strength, smoothing=smoothing,
            codec=codec, crf=crf, preset=preset, max_bitrate=max_bitrate, start=start, duration=duration,
            overwrite=overwrite, compare=compare,
        )  # fmt: skip
        if goes_live(source, target):
            cli_live.relay(talk, str(source), str(target), options)
        elif is_folder(source):
            talk.folder_done(
                target,
                enhance_folder(source, target, on_file=talk.file, on_progress=talk.progress, **options),
            )
        else:
            report = enhance_file(source, target, on_progress=lambda p: talk.progress(source, p), **options)
            talk.done(report)


@app.command()
def compare(
    before: Annotated[Path, typer.Argument(metavar="BEFORE", parser=path, help="A video.")],
    after: Annotated[Path, typer.Argument(metavar="AFTER", parser=path, help="What became of it.")],
    *,
    reference: Annotated[
        Path | None, typer.Option(metavar="TRUTH", parser=path, help="A video of how it should look.")
    ] = None,
    output: Annotated[
        Any, typer.Option("--output", "-o", metavar="OUTPUT", parser=path, help="The page to write.")
    ] = "report.html",
    overwrite: OverwriteOption = False,
    json: JsonOption = False,
) -> None:
    """Write a page that shows two videos side by side: frames, brightness, flicker."""
    with console.Talk(json=json) as talk:
        from streamllie.compare.report import compare as write_page  # noqa: PLC0415 - loads libav

        talk.compared(write_page(before, after, output, reference=reference, overwrite=overwrite))


@app.command()
def models(json: JsonListOption = False) -> None:
    """Show what is on the shelf."""
    with console.Talk(json=json) as talk:
        from streamllie.shelf import models as on_shelf  # noqa: PLC0415

        talk.models(on_shelf())


@app.command()
def bench(
    *,
    frame_sizes: Annotated[
        Any, typer.Option("--size", metavar="WxH[,WxH]", parser=sizes, help="Frame size; several for all backends.")
    ] = "1280x720",
    model: ModelOption = MODEL,
    backend: Annotated[
        AnyBackend, typer.Option("--backend", help="What runs the model; all: a table of every one.")
    ] = "auto",
    frames: Annotated[int, typer.Option(min=30, help="Frames per measurement.")] = 120,
    more: Annotated[
        bool, typer.Option("--more", help="Also start-up, and memory over 3000 frames: takes minutes.")
    ] = False,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE.png", parser=path, help="Draw the table of all backends.")
    ] = None,
    overwrite: OverwriteOption = False,
    json: JsonOption = False,
) -> None:
    """Measure this machine: the engine alone, the codecs alone, and a whole run; or all backends."""
    if backend != "all" and (len(frame_sizes) > 1 or plot is not None):
        raise typer.BadParameter("several sizes, and --plot, go with --backend all")
    if backend == "all" and more:
        raise typer.BadParameter("--more goes with a single backend, not with --backend all")
    with console.Talk(json=json) as talk:
        if backend == "all":
            from streamllie.bench_backends import check_plot, compare, draw  # noqa: PLC0415

            if plot is not None:
                check_plot(plot, overwrite=overwrite)
            comparison = compare(frame_sizes, model=model, frames=frames, on_step=talk.step)
            talk.result(comparison.event(), comparison.lines())
            if plot is not None:
                draw(comparison, plot, overwrite=overwrite)
            return
        from streamllie.bench import bench as measure  # noqa: PLC0415

        ((height, width),) = frame_sizes
        found = measure(
            height=height, width=width, model=model, backend=backend, frames=frames, more=more, on_step=talk.step
        )
        talk.result(found.event(), found.lines())


@app.command()
def doctor(json: JsonOption = False) -> None:
    """Say what works on this machine, what does not, and why."""
    with console.Talk(json=json) as talk:
        from streamllie.doctor import examine  # noqa: PLC0415

        talk.findings(examine())


app.add_typer(cli_engine.app)
cli_live.add_to(app)


def main() -> None:
    """The entry point of `streamllie`."""
    _open_standard_streams()
    for number in SIGNALS:
        if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):  # nohup ignores one, and means it
            signal.signal(number, _interrupt)
    atexit.register(_hear_no_more)
    try:
        app()
    except OSError as error:  # of --help and --version; commands tell of their own
        print(f"streamllie: {console.unread(error)}", file=sys.stderr)
        sys.exit(1)
    except SystemExit as left:
        wrong_usage = getattr(left.__context__, "format_message", None)  # typer's error, which it has told people
        if wrong_usage is not None:
            console.Talk(json="--json" in sys.argv).refused(wrong_usage())
        raise


def _open_standard_streams() -> None:
    """Where one was closed (`2>&-`), the next file to open would get its number, and the words meant for it."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode))
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal of few letters gets the rest spelt
        sys.stdout.reconfigure(errors="backslashreplace")


def _hear_no_more() -> None:
    """All is done, and all threads have ended: who says it once more must not change how this one exits."""
    for number in SIGNALS:
        if signal.getsignal(number) is _interrupt:
            signal.signal(number, signal.SIG_IGN)


def _interrupt(_number: int, _frame: object) -> None:
    """Treat a service manager or a terminal that closes like Ctrl-C: what was done is kept.

    Who is impatient, and a terminal that closes, say it twice. We are busy completing then, and hear only the first.
    """
    global _interrupted  # noqa: PLW0603 - of the process
    now = time.monotonic()
    if now - _interrupted > IMPATIENT:
        _interrupted = now
        raise KeyboardInterrupt
