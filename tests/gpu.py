"""The check for a machine with an NVIDIA GPU: python -m tests.gpu [TABLE.md]

Every GPU backend must pass the contract (STREAMLLIE_GPU=must: none may be left out for want of a GPU), then a table is
printed: engine builds, speed and difference of all backends, and how far from the memory's bandwidth TensorRT is. It
belongs into engines/README.md, with the GPU's name and the date.
"""

import argparse
import datetime
import math
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamllie import shelf
from streamllie.backends.cuda import open_memory
from streamllie.backends.engine_build import build_engine
from streamllie.backends.engine_cache import EngineCache
from streamllie.backends.gpu import find_gpu
from streamllie.backends.graphs import BLOCK, QUARTER, padded
from streamllie.backends.openvino import ov
from streamllie.backends.rewrite import rewritten
from streamllie.bench_backends import compare
from streamllie.errors import StreamLLIEError

SIZES = [(720, 1280), (1080, 1920)]
COPIED = 256 << 20  # bytes that are copied to see the bandwidth


def traffic(path: Path, height: int, width: int, precision: str) -> tuple[int, int]:
    """Bytes per frame: what the GPU moves at least (frame, memory, weights), and if every layer moved its own.

    No compiler does as badly as the second, and none reaches the first.
    """
    height, width = padded(height, width)
    types = "fp16" if precision == "bf16" else precision  # as large, and OpenVINO, which works out the sizes, reads it
    graph = ov.Core().read_model(rewritten(path.read_bytes(), name=str(path), precision=types, multiple=BLOCK))
    parts = {"y": 1, "u": 2, "v": 2}
    shapes = {}
    for port in graph.inputs:
        shape = port.get_partial_shape()
        part = parts.get(port.get_any_name(), QUARTER)
        shapes[port] = [1, shape[1], height // part, width // part] if len(shape) == 4 else shape
    graph.reshape(shapes)
    layers = [op for op in graph.get_ordered_ops() if op.get_type_name() not in {"Constant", "Parameter", "Result"}]
    every = sum(_bytes(port) for op in layers for port in (*op.inputs(), *op.outputs()))
    weights = sum(_bytes(op.output(0)) for op in graph.get_ordered_ops() if op.get_type_name() == "Constant")
    return sum(map(_bytes, (*graph.inputs, *graph.outputs))) + weights, every


def _bytes(port: "ov.Input | ov.Output") -> int:
    return math.prod(port.get_shape()) * port.get_element_type().size


def bandwidth() -> float:
    """Bytes per second that the GPU reads and writes, by copying a block within it."""
    memory = open_memory()
    try:
        stream = memory.stream()
        source, target = memory.allocate(COPIED), memory.allocate(COPIED)
        memory.copy(target, source, COPIED, stream)
        memory.mark(stream)()
        began = time.perf_counter()
        for _ in range(20):
            memory.copy(target, source, COPIED, stream)
        memory.mark(stream)()
        return 20 * 2 * COPIED / (time.perf_counter() - began)
    finally:
        memory.close()


def report() -> Iterator[str]:
    """The lines of the table."""
    gpu = find_gpu()
    yield f"{gpu.name}, {gpu.architecture}, CUDA {gpu.driver}, {datetime.datetime.now(datetime.UTC).date()}\n"
    lite = shelf.find("lite")
    with tempfile.TemporaryDirectory() as folder:
        for precision in ("fp16", "bf16", "fp32"):
            built = build_engine("lite", precision=precision, cache=EngineCache(Path(folder)))
            yield f"engine build {precision}: {built.seconds:.1f} s, {built.bytes / 1e6:.1f} MB"
    comparison = compare(SIZES)
    yield ""
    yield from comparison.lines()
    speed = bandwidth()
    yield f"\nbandwidth {speed / 1e9:.0f} GB/s\n"
    for row in comparison.rows:
        if row.backend == "tensorrt":
            width, height = map(int, row.size.split("x"))
            least, every = traffic(lite.path, height, width, row.precision)
            yield (
                f"{row.size} {row.precision}: {row.p50_ms:.2f} ms; floor {1000 * least / speed:.3f} ms "
                f"({least / 1e6:.1f} MB), every layer for itself {1000 * every / speed:.2f} ms ({every / 1e6:.0f} MB)"
            )


def main() -> int:
    """The exit code of the tests; the table only if they pass."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", nargs="?", type=Path, metavar="TABLE.md", help="where to write the table, too")
    args = parser.parse_args()
    try:
        find_gpu()
    except StreamLLIEError as error:
        parser.error(str(error))
    os.environ["STREAMLLIE_GPU"] = "must"
    if failed := pytest.main(["-m", "cuda", "tests/backends"]):
        return int(failed)
    lines = list(report())
    print("\n".join(lines))
    if args.table is not None:
        args.table.write_text("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
