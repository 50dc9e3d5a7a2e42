"""The commands of live video: parse, call one library function, print."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from streamllie import console
from streamllie.arguments import (
    BackendOption,
    JsonListOption,
    JsonOption,
    ModelOption,
    OverwriteOption,
    PrecisionOption,
    QuietOption,
    Size,
    SmoothingOption,
    StrengthOption,
    length,
    path,
    size,
)
from streamllie.defaults import BUDGET, MODEL, SMOOTHING

if TYPE_CHECKING:
    from streamllie.files import Options

View = Literal["window", "browser", "none"]
Exposure = Literal["hold", "auto"]

SizeOption = Annotated[
    Size | None, typer.Option("--size", metavar="WxH", parser=size, help="Ask the camera for this size.")
]
RateOption = Annotated[float | None, typer.Option("--fps", min=1, max=240, help="Ask the camera for this rate.")]
BudgetOption = Annotated[
    float, typer.Option("--budget", min=5, max=5000, help="Milliseconds from capture to display before less is done.")
]
AlwaysOption = Annotated[bool, typer.Option("--always", help="Enhance well-lit pictures too.")]
DurationOption = Annotated[
    float | None, typer.Option("--duration", metavar="T", parser=length, help="End after so much time.")
]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (webcam, serve, cameras, latency):
        app.command()(command)


def webcam(
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="SOURCE",
            help="A camera (number, name, /dev/videoN), a URL, a file or lavfi:GRAPH; without it the first camera.",
        ),
    ] = None,
    *,
    camera: Annotated[str | None, typer.Option("--camera", metavar="C", help="As SOURCE.")] = None,
    frame_size: SizeOption = None,
    fps: RateOption = None,
    view: Annotated[View, typer.Option(help="Where the picture is shown.")] = "window",
    split: Annotated[bool, typer.Option("--split", help="Left half as it came.")] = False,
    mirror: Annotated[bool, typer.Option("--mirror", help="Swap left and right.")] = False,
    virtual_camera: Annotated[
        bool, typer.Option("--virtual-camera", help="Give the picture to other programs as a camera.")
    ] = False,
    record: Annotated[
        Path | None, typer.Option(metavar="FILE", parser=path, help="Record the enhanced picture.")
    ] = None,
    overwrite: OverwriteOption = False,
    model: ModelOption = MODEL,
    backend: BackendOption = "auto",
    precision: PrecisionOption = "auto",
    strength: StrengthOption = 1.0,
    smoothing: SmoothingOption = SMOOTHING,
    always: AlwaysOption = False,
    budget: BudgetOption = 1000 * BUDGET,
    camera_exposure: Annotated[
        Exposure, typer.Option(help="hold: keep the frame rate in the dark (Linux). auto: let the camera decide.")
    ] = "hold",
    duration: DurationOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Show a camera, a stream or a file, bright and steady, in real time."""
    if source is not None and camera is not None:
        raise typer.BadParameter("SOURCE and --camera both say what to show; leave one of them out")
    if view == "browser" and (record is not None or virtual_camera):
        raise typer.BadParameter("--record and --virtual-camera go with --view window or none, not with browser")
    wanted = next((given for given in (source, camera) if given is not None), "0")
    with console.Talk(json=json, quiet=quiet) as talk:
        from streamllie.live.stage import Controls  # noqa: PLC0415 - loads libav
        from streamllie.live.webcam import webcam as run  # noqa: PLC0415

        controls = Controls(
            strength=strength, smoothing=smoothing, always=always, mirror=mirror, split=0.5 if split else None
        )
        if view == "browser":
            from streamllie.live.extra import part  # noqa: PLC0415

            part("serve").serve(
                wanted, port=0, duration=duration, on_ready=talk.browse, model=model, backend=backend,
                precision=precision, controls=controls, budget=budget / 1000, size=frame_size, rate=fps,
                hold=camera_exposure == "hold",
            )  # fmt: skip
            return
        done = run(
            wanted, size=frame_size, rate=fps, view=view, controls=controls, virtual_camera=virtual_camera,
            record=record, overwrite=overwrite, model=model, backend=backend, precision=precision,
            budget=budget / 1000, hold=camera_exposure == "hold", duration=duration, on_stats=talk.stats,
        )  # fmt: skip
        talk.live_done(done)


def cameras(json: JsonListOption = False) -> None:
    """List the cameras of this machine, with their sizes and rates."""
    with console.Talk(json=json) as talk:
        from streamllie.video.cameras import cameras as here  # noqa: PLC0415

        talk.cameras(here())


def serve(
    source: Annotated[
        str | None, typer.Argument(metavar="SOURCE", help="As of webcam; without it only visitors' cameras.")
    ] = None,
    *,
    host: Annotated[str, typer.Option(help="Address to serve on; any but this machine's own needs the token.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes any that is free.")] = 8000,
    token: Annotated[
        str | None,
        typer.Option(envvar="STREAMLLIE_TOKEN", help="What visitors must show; made up where one is needed."),
    ] = None,
    model: ModelOption = MODEL,
    backend: BackendOption = "auto",
    precision: PrecisionOption = "auto",
    strength: StrengthOption = 1.0,
    smoothing: SmoothingOption = SMOOTHING,
    always: AlwaysOption = False,
    budget: BudgetOption = 1000 * BUDGET,
    duration: DurationOption = None,
    json: JsonOption = False,
) -> None:
    """Serve a page with the enhanced picture of a source, or of the visitor's own camera."""
    with console.Talk(json=json) as talk:
        from streamllie.live.extra import part  # noqa: PLC0415 - loads libav
        from streamllie.live.stage import Controls  # noqa: PLC0415

        controls = Controls(strength=strength, smoothing=smoothing, always=always)
        part("serve").serve(
            source, host=host, port=port, token=token, duration=duration, on_ready=talk.serving, model=model,
            backend=backend, precision=precision, controls=controls, budget=budget / 1000,
        )  # fmt: skip


def latency(
    *,
    camera: Annotated[
        str | None, typer.Option("--camera", metavar="C", help="What to play; a dark clip is made by default.")
    ] = None,
    frame_size: Annotated[Size, typer.Option("--size", metavar="WxH", parser=size, help="Frame size.")] = "1280x720",  # type: ignore[assignment]
    duration: Annotated[float, typer.Option(metavar="T", parser=length, help="Measure for so long.")] = "10",  # type: ignore[assignment]
    budget: BudgetOption = 1000 * BUDGET,
    glass: Annotated[
        bool, typer.Option("--glass", help="Blink on the screen, which the camera must see, and measure the way round.")
    ] = False,
    model: ModelOption = MODEL,
    backend: BackendOption = "auto",
    precision: PrecisionOption = "auto",
    json: JsonOption = False,
) -> None:
    """Measure how late pictures are, from capture to display."""
    with console.Talk(json=json) as talk:
        from streamllie.live.extra import part  # noqa: PLC0415 - loads libav
        from streamllie.live.latency import latency as measure  # noqa: PLC0415

        run = partial(measure, camera, on_step=talk.step)
        if glass:
            run = partial(part("glass").glass_to_glass, camera or "0")
        found = run(
            size=frame_size, duration=duration, budget=budget / 1000, model=model, backend=backend, precision=precision
        )
        talk.result(found.event(), found.lines())


def relay(talk: console.Talk, source: str, target: str, options: Options) -> None:
    """`streamllie enhance` where a stream is involved."""
    from streamllie.live.relay import relay as run  # noqa: PLC0415 - loads libav

    if options.get("codec", "auto") not in ("auto", "h264"):
        raise typer.BadParameter("--codec is for files: live streams are H.264; leave it out")
    for name, usual in (("start", None), ("compare", False), ("cuda", "auto")):
        if options.get(name, usual) != usual:
            raise typer.BadParameter(f"--{name} is for files, not for live streams; leave it out")
    wanted = {name: value for name, value in options.items() if name not in ("start", "codec", "compare", "cuda")}
    talk.live_done(run(source, target, on_stats=talk.stats, **wanted))  # type: ignore[arg-type]
