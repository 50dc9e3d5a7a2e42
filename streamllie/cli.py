"""The command line: parse, call one library function, print."""

from __future__ import annotations

import os
import re
import signal
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

import streamllie
from streamllie import console

app = typer.Typer(
    name="streamllie",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

STOPS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]  # Windows has no SIGHUP

Backend = Literal["auto", "openvino", "onnxruntime", "eager"]
Precision = Literal["auto", "fp32", "bf16"]
Codec = Literal["auto", "h264", "hevc", "av1", "vp9", "ffv1", "prores"]


def seconds(text: str) -> float:
    """A time as people write it: "90", "1:30" and "00:01:30.0" are the same."""
    match = re.fullmatch(r"(?:(?:(\d+):)?([0-5]?\d):)?(\d+(?:\.\d*)?)", text.strip())
    if match is None or (match[2] and float(match[3]) >= 60):
        raise typer.BadParameter(f'"{text}" is no time; write seconds, 1:30 or 00:01:30.5')
    return 3600 * int(match[1] or 0) + 60 * int(match[2] or 0) + float(match[3])


def size(text: str) -> str:
    """A frame size such as "1280x720"."""
    match = re.fullmatch(r"(\d+)x(\d+)", text)
    if match is None or min(int(match[1]), int(match[2])) < 16:
        raise typer.BadParameter(f'"{text}" is no frame size; write width x height, such as 1280x720')
    return text


def path(text: str) -> Path:
    """A path, but not an empty one: an unset variable of a shell script must not become the current folder."""
    if not text:
        raise typer.BadParameter("the name is empty")
    return Path(text)


ModelOption = Annotated[str, typer.Option("--model", help="A name on the shelf, or the path of a model file.")]
BackendOption = Annotated[Backend, typer.Option("--backend", help="What runs the model.")]
PrecisionOption = Annotated[Precision, typer.Option("--precision", help="Arithmetic of the model.")]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object per line on stdout.")]


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"streamllie {streamllie.__version__}")
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
    source: Annotated[Path, typer.Argument(metavar="INPUT", parser=path, help="A video, a picture or a folder.")],
    target: Annotated[
        Path, typer.Argument(metavar="OUTPUT", parser=path, help="The same kind; its suffix says the format.")
    ],
    *,
    model: ModelOption = "lite",
    backend: BackendOption = "auto",
    precision: PrecisionOption = "auto",
    strength: Annotated[float, typer.Option(min=0, max=1, help="Share of the effect.")] = 1.0,
    smoothing: Annotated[
        float, typer.Option(min=0, max=1, help="How slowly the picture follows changes of light.")
    ] = 0.5,
    codec: Annotated[Codec, typer.Option(help="auto: the source's, where that can be encoded, else h264.")] = "auto",
    crf: Annotated[float | None, typer.Option(min=0, metavar="N", help="Quality; less is better and bigger.")] = None,
    preset: Annotated[str | None, typer.Option(metavar="P", help="The encoder's word for speed.")] = None,
    max_bitrate: Annotated[
        str | None,
        typer.Option(metavar="R", help="Bits per second, such as 8M; 4 times the source by default."),
    ] = None,
    start: Annotated[
        float | None, typer.Option(metavar="T", parser=seconds, help="Begin here: 90, 1:30 or 00:01:30.0.")
    ] = None,
    duration: Annotated[
        float | None, typer.Option(metavar="T", parser=seconds, help="Stop after so much time.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUTPUT if it exists.")] = False,
    json: JsonOption = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors.")] = False,
) -> None:
    """Enhance a video, a picture, or every one in a folder."""
    with console.Talk(json=json, quiet=quiet) as talk:
        from streamllie.files import Options, enhance_file, enhance_folder  # noqa: PLC0415 - loads libav

        options = Options(
            model=model, backend=backend, precision=precision, strength=strength, smoothing=smoothing,
            codec=codec, crf=crf, preset=preset, max_bitrate=max_bitrate, start=start, duration=duration,
            overwrite=overwrite,
        )  # fmt: skip
        if os.path.isdir(source):  # noqa: PTH112 - False, not an error, for a name that is too long
            talk.folder_done(
                target,
                enhance_folder(source, target, on_file=talk.file, on_progress=talk.progress, **options),
            )
        else:
            report = enhance_file(source, target, on_progress=lambda p: talk.progress(source, p), **options)
            talk.done(report)


@app.command()
def models(json: JsonOption = False) -> None:
    """Show what is on the shelf."""
    with console.Talk(json=json) as talk:
        from streamllie.shelf import models as on_shelf  # noqa: PLC0415

        talk.models(on_shelf())


@app.command()
def bench(
    *,
    frame_size: Annotated[str, typer.Option("--size", metavar="WxH", parser=size, help="Frame size.")] = "1280x720",
    model: ModelOption = "lite",
    backend: BackendOption = "auto",
    frames: Annotated[int, typer.Option(min=30, help="Frames per measurement.")] = 120,
    more: Annotated[
        bool, typer.Option("--more", help="Also start-up, and memory over 3000 frames: takes minutes.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Measure this machine: the engine alone, the codecs alone, and a whole run."""
    with console.Talk(json=json) as talk:
        from streamllie.bench import bench as measure  # noqa: PLC0415

        width, height = (int(part) for part in frame_size.split("x"))
        talk.bench(
            measure(
                height=height, width=width, model=model, backend=backend, frames=frames, more=more,
                on_step=talk.step,
            )
        )  # fmt: skip


@app.command()
def doctor(json: JsonOption = False) -> None:
    """Say what works on this machine, what does not, and why."""
    with console.Talk(json=json) as talk:
        from streamllie.doctor import examine  # noqa: PLC0415

        talk.findings(examine())


def main() -> None:
    """The entry point of `streamllie`."""
    _open_standard_streams()
    for number in STOPS:
        if signal.getsignal(number) == signal.SIG_DFL:  # nohup ignores one of them, and means it
            signal.signal(number, _interrupt)
    app()


def _open_standard_streams() -> None:
    """Where one was closed (`2>&-`), the next file to open would get its number, and the words meant for it."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode))


def _interrupt(number: int, _frame: object) -> None:
    """Treat a service manager or a terminal that closes like Ctrl-C: what was done is kept."""
    signal.signal(number, signal.SIG_IGN)  # a terminal that closes says it twice, and we are busy completing
    raise KeyboardInterrupt
