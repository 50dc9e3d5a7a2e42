"""What the commands take: names, numbers and places, parsed once for all of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import typer

from streamllie.place import is_url, redacted

Backend = Literal[
    "auto", "tensorrt", "onnxruntime-tensorrt", "onnxruntime-cuda", "eager-cuda",
    "openvino", "onnxruntime-coreml", "onnxruntime", "eager",
]  # fmt: skip
AnyBackend = Literal["all", Backend]
Precision = Literal["auto", "fp32", "bf16", "fp16"]
Cuda = Literal["auto", "cuda-python", "pycuda"]
LEAST, MOST = 16, 8192  # pixels of a side: 8K and a little more
Codec = Literal["auto", "h264", "hevc", "av1", "vp9", "ffv1", "prores"]


class Size(NamedTuple):
    """A frame size."""

    height: int
    width: int


def seconds(text: str) -> float:
    """A time as people write it: "90", "1:30" and "00:01:30.0" are the same."""
    match = re.fullmatch(r"(?:(?:(\d{1,9}):)?([0-5]?\d):)?(\d{1,9}(?:\.\d*)?|\.\d+)", text.strip())
    if match is None or (match[2] and float(match[3]) >= 60):
        raise typer.BadParameter(f'"{text}" is not a time; write seconds, 1:30 or 00:01:30.5')
    return 3600 * int(match[1] or 0) + 60 * int(match[2] or 0) + float(match[3])


def length(text: str) -> float:
    """A time that is not nothing."""
    found = seconds(text)
    if found <= 0:
        raise typer.BadParameter(f'"{text}" is not a length of time; it must be more than 0')
    return found


def size(text: str) -> Size:
    """A frame size such as "1280x720"."""
    match = re.fullmatch(r"(\d{2,4})x(\d{2,4})", text)
    if match is None or min(found := Size(width=int(match[1]), height=int(match[2]))) < LEAST or max(found) > MOST:
        raise typer.BadParameter(
            f'"{text}" is not a frame size; write width x height, such as 1280x720, each from {LEAST} to {MOST}'
        )
    return found


def sizes(text: str) -> list[Size]:
    """Frame sizes such as "1280x720,1920x1080"."""
    return [size(part) for part in text.split(",")]


def path(text: str) -> Path:
    """A path, but not an empty one: an unset variable of a shell script must not become the current folder."""
    if not text:
        raise typer.BadParameter("the name is empty")
    if is_url(text):
        raise typer.BadParameter(f'"{redacted(text)}" is a URL, and this takes files only')
    return Path(text)


def place(text: str) -> Path | str:
    """A URL as it is, everything else as a path."""
    return text if is_url(text) else path(text)


ModelOption = Annotated[str, typer.Option("--model", help="A name on the shelf, or the path of a model file.")]
BackendOption = Annotated[Backend, typer.Option("--backend", help="What runs the model.")]
PrecisionOption = Annotated[Precision, typer.Option("--precision", help="Arithmetic of the model.")]
CudaOption = Annotated[Cuda, typer.Option("--cuda", help="The binding of CUDA that TensorRT uses.")]
StrengthOption = Annotated[float, typer.Option("--strength", min=0, max=1, help="Share of the effect.")]
SmoothingOption = Annotated[
    float, typer.Option("--smoothing", min=0, max=1, help="How slowly the picture follows changes of light.")
]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace the output if it exists.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors.")]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object per line on stdout.")]
JsonListOption = Annotated[bool, typer.Option("--json", help="One JSON array on stdout.")]
