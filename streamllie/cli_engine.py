"""The command line of engines: `streamllie engine build | list | info | prune`."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from streamllie import console
from streamllie.arguments import JsonOption
from streamllie.arguments import size as frame_size

if TYPE_CHECKING:
    from streamllie.backends.engine_cache import Entry

app = typer.Typer(name="engine", no_args_is_help=True, help="Build TensorRT engines, and look after those built.")

Precision = Literal["fp16", "bf16", "fp32"]
Flavour = Literal["auto", "tensorrt-rtx", "tensorrt"]


@dataclass(frozen=True)
class Size:
    """A frame size."""

    height: int
    width: int

    @property
    def pair(self) -> tuple[int, int]:
        """Height and width."""
        return self.height, self.width


def size(text: str) -> Size:
    """A frame size such as "1280x720"."""
    width, height = frame_size(text).split("x")
    return Size(int(height), int(width))


@app.command()
def build(
    subject: Annotated[
        str, typer.Argument(metavar="MODEL|CHECKPOINT|ONNX", help="A name on the shelf, or a .pt or .onnx file.")
    ],
    *,
    precision: Annotated[Precision, typer.Option(help="Arithmetic per pixel; pooled statistics stay fp32.")] = "fp16",
    only: Annotated[
        list[Size] | None,
        typer.Option("--size", metavar="WxH", parser=size, help="For frames of this size alone; may be repeated."),
    ] = None,
    least: Annotated[Size, typer.Option("--min", metavar="WxH", parser=size, help="Smallest frame.")] = "16x16",  # type: ignore[assignment]
    best: Annotated[
        Size | None, typer.Option("--opt", metavar="WxH", parser=size, help="Made fast for; 1920x1080.")
    ] = None,
    most: Annotated[Size, typer.Option("--max", metavar="WxH", parser=size, help="Largest frame.")] = "3840x3840",  # type: ignore[assignment]
    target: Annotated[str, typer.Option(metavar="SM,SM", help="GPUs to compile for, such as sm86,sm89.")] = "",
    deep: Annotated[bool, typer.Option("--deep", help="For video of more than 8 bits.")] = False,
    flavour: Annotated[Flavour, typer.Option(help="Which TensorRT.")] = "auto",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Also write the engine here.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the output if it exists.")] = False,
    json: JsonOption = False,
) -> None:
    """Build the engine of a model, a training checkpoint or an ONNX file. Needs no GPU."""
    with console.Talk(json=json) as talk:
        from streamllie.backends.engine_build import Sizes, build_engine  # noqa: PLC0415 - loads numpy

        made_for = best.pair if best else (min(1080, most.height), min(1920, most.width))
        growing = Sizes(least=least.pair, best=made_for, most=most.pair)
        built = build_engine(
            subject, precision=precision, sizes=tuple(Sizes.fixed(*one.pair) for one in only or ()) or (growing,),
            targets=tuple(target.lower().replace(",", " ").split()), deep=deep, flavour=flavour,
            output=output, overwrite=overwrite, on_step=lambda done: talk.share(f"building {subject}", done),
        )  # fmt: skip
        talk.result(built.event(), built.lines())


@app.command("list")
def list_engines(json: JsonOption = False) -> None:
    """Show what is in the cache, and what of it is of use here."""
    with console.Talk(json=json) as talk:
        from streamllie.backends.engine_build import entries  # noqa: PLC0415

        for entry, useless in entries():
            state = f"useless: {useless}" if useless else "of use"
            talk.result(_event(entry, useless), [f"{entry.path}: {entry.bytes / 1e6:.1f} MB, {state}", *_words(entry)])


@app.command()
def info(file: Annotated[Path, typer.Argument(metavar="FILE")], *, json: JsonOption = False) -> None:
    """Check an engine file, and show what it is."""
    with console.Talk(json=json) as talk:
        from streamllie.backends.engine_build import describe  # noqa: PLC0415
        from streamllie.backends.engine_build import info as ask  # noqa: PLC0415

        header, useless = ask(file)
        state = f"useless here: {useless}" if useless else "whole, and of use here"
        event = {"path": str(file), "kind": header.kind, "key": header.key, "useless": useless, **header.about}
        talk.result(event, [f"{file}: {state}", *describe(header)])


@app.command()
def prune(
    *,
    everything: Annotated[bool, typer.Option("--all", help="Not only what is of no use here.")] = False,
    json: JsonOption = False,
) -> None:
    """Remove engines that are torn, or made by a library that is no longer here."""
    with console.Talk(json=json) as talk:
        from streamllie.backends.engine_build import prune as clean  # noqa: PLC0415

        gone = clean(everything=everything)
        size_of_all = sum(entry.bytes for entry in gone)
        lines = [*(f"removed {entry.path}" for entry in gone), f"{len(gone)} removed, {size_of_all / 1e6:.1f} MB"]
        talk.result({"removed": [str(entry.path) for entry in gone], "bytes": size_of_all}, lines)


def _event(entry: "Entry", useless: str | None) -> dict[str, object]:
    header = entry.header
    event: dict[str, object] = {"path": str(entry.path), "bytes": entry.bytes, "useless": useless}
    return event if header is None else event | {"kind": header.kind, "key": header.key, **header.about}


def _words(entry: "Entry") -> list[str]:
    from streamllie.backends.engine_build import describe  # noqa: PLC0415

    return [] if entry.header is None else [f"  {line}" for line in describe(entry.header)]
