"""The command line of engines: `streamllie engine build | list | info | prune`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from streamllie import console
from streamllie.arguments import JsonOption, OverwriteOption, Size, path, size

if TYPE_CHECKING:
    from streamllie.backends.engine_cache import Entry
    from streamllie.backends.tensorrt_build import Sizes

app = typer.Typer(name="engine", no_args_is_help=True, help="Build TensorRT engines, and look after those built.")

Precision = Literal["fp16", "bf16", "fp32"]
Flavour = Literal["auto", "tensorrt-rtx", "tensorrt"]


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
    least: Annotated[
        Size | None, typer.Option("--min", metavar="WxH", parser=size, help="Smallest frame; 16x16.")
    ] = None,
    best: Annotated[
        Size | None, typer.Option("--opt", metavar="WxH", parser=size, help="Made fast for; 1920x1080.")
    ] = None,
    most: Annotated[
        Size | None, typer.Option("--max", metavar="WxH", parser=size, help="Largest frame; 3840x3840.")
    ] = None,
    target: Annotated[
        list[str] | None, typer.Option(metavar="SM,SM", help="GPUs to compile for, such as sm86,sm89; may be repeated.")
    ] = None,
    deep: Annotated[bool, typer.Option("--deep", help="For video of more than 8 bits.")] = False,
    flavour: Annotated[Flavour, typer.Option(help="Which TensorRT.")] = "auto",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", parser=path, help="Also write the engine here.")
    ] = None,
    overwrite: OverwriteOption = False,
    json: JsonOption = False,
) -> None:
    """Build the engine of a model, a training checkpoint or an ONNX file. Needs no GPU."""
    if only and (least or best or most):
        raise typer.BadParameter("--size is for frames of that size alone; leave --min, --opt and --max out")
    with console.Talk(json=json) as talk:
        from streamllie.backends.engine_build import build_engine  # noqa: PLC0415 - loads numpy

        built = build_engine(
            subject, precision=precision, sizes=_sizes(only or [], least, best, most),
            targets=_targets(target or []), deep=deep, flavour=flavour, output=output, overwrite=overwrite,
            on_step=lambda done: talk.share(f"building {subject}", done),
        )  # fmt: skip
        talk.result(built.event(), built.lines())


@app.command("list")
def list_engines(json: JsonOption = False) -> None:
    """Show what is in the cache, and what of it is of use here."""
    with console.Talk(json=json) as talk:
        from streamllie.backends.engine_build import entries  # noqa: PLC0415
        from streamllie.backends.engine_cache import cache_folder  # noqa: PLC0415

        found = entries()
        for entry, useless in found:
            state = f"useless: {useless}" if useless else "of use"
            talk.result(_event(entry, useless), [f"{entry.path}: {entry.bytes / 1e6:.1f} MB, {state}", *_words(entry)])
        if not found:
            talk.nothing(f"there is no engine in {cache_folder()}; `streamllie engine build` makes one")


@app.command()
def info(file: Annotated[Path, typer.Argument(metavar="FILE", parser=path)], *, json: JsonOption = False) -> None:
    """Check an engine file, and show what it is."""
    with console.Talk(json=json) as talk:
        from streamllie.backends.engine_build import info as ask  # noqa: PLC0415

        header, useless = ask(file)
        state = f"useless here: {useless}" if useless else "whole, and of use here"
        event = {"path": str(file), "kind": header.kind, "key": header.key, "useless": useless, **header.about}
        talk.result(event, [f"{file}: {state}", *header.lines()])


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
    return [] if entry.header is None else [f"  {line}" for line in entry.header.lines()]


def _sizes(only: list[Size], least: Size | None, best: Size | None, most: Size | None) -> "tuple[Sizes, ...]":
    """Each of `only` alone, or one range; what nobody gave is as usual, and what is made fast for is inside."""
    from streamllie.backends.tensorrt_build import Sizes  # noqa: PLC0415 - loads numpy

    usual = Sizes()
    low, high = least or usual.least, most or usual.most
    height, width = (min(max(a, b), c) for a, b, c in zip(usual.best, low, high, strict=True))
    growing = Sizes(least=low, best=best or (height, width), most=high)
    return tuple(Sizes.fixed(*one) for one in dict.fromkeys(only)) or (growing,)


def _targets(words: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(",".join(words).lower().replace(",", " ").split()))
