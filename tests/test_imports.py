"""Imports point down one list, `ORDER`, foreign libraries stay in their place, and the start is light."""

import ast
import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import streamllie

PACKAGE = Path(streamllie.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
# Each may import what stands before it, and its own package.
ORDER = (
    *("errors", "defaults", "place", "target", "frame", "ahead", "interrupts", "timing", "shelf", "models"),
    *("video", "pictures", "chunks", "exif", "stills", "split", "backends", "temporal", "pipeline"),
    *("enhance", "enhancer", "files", "compare", "night", "bench_memory", "bench_engine", "bench", "bench_backends"),
    *("live", "doctor", "bar", "console", "arguments", "cli_engine", "cli_live", "cli", "__main__"),
)
HOMES = {
    "av": {"video", "doctor"},
    "torch": {"models", "backends/eager.py"},
    "onnx": {"models/export.py", "backends/rewrite.py"},
    "matplotlib": {"bench_backends.py"},
    "openvino": {"backends/openvino.py"},
    "onnxruntime": {"backends/onnxruntime.py"},
    "typer": {"arguments.py", "cli.py", "cli_live.py", "console.py", "cli_engine.py"},
    "pygame": {"live/window.py", "live/overlay.py", "live/glass.py"},
    "aiortc": {"live/rtc.py"},
    "aioice": {"live/rtc.py"},
    "aiohttp": {"live/serve.py"},
    "pyvirtualcam": {"live/virtual.py"},
    "rich": {"bar.py"},
}
HEAVY = (
    *("av", "cv2", "numpy", "openvino", "onnxruntime", "torch", "tensorrt", "tensorrt_rtx_bindings"),
    *("onnx", "cuda", "pycuda", "matplotlib"),
)
RUNTIMES = {*HEAVY} - {"av", "cv2", "numpy"}
# What importing a backend's module may load; `tensorrt` finds its library when an engine is opened.
LOADS = {
    "openvino": {"openvino"},
    "onnxruntime": {"onnxruntime"},
    "eager": {"torch", "cuda"},  # torch itself looks for cuda-python
    "tensorrt": set(),
    "cuda_python": {"cuda"},
    "switch": set(),
}


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def part(module: str) -> str | None:
    """The entry of ORDER that "streamllie.video.sink.VideoSink" belongs to; None outside the package."""
    pieces = module.split(".")
    return pieces[1] if pieces[0] == "streamllie" and len(pieces) > 1 and pieces[1] in ORDER else None


@pytest.mark.parametrize("path", [m for m in MODULES if m.parent != PACKAGE or m.name != "__init__.py"], ids=name_of)
def test_imports_point_down(path):
    here = name_of(path).split("/")[0].removesuffix(".py")
    assert here in ORDER, f"{here} has no place in the order"
    allowed = {*ORDER[: ORDER.index(here)], here}
    up = [name for name in imported(path) if (part(name) or here) not in allowed]
    assert up == []


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_foreign_libraries_stay_in_their_place(path):
    for name in imported(path):
        homes = HOMES.get(name.split(".")[0])
        here = name_of(path)
        assert homes is None or here in homes or here.split("/")[0].removesuffix(".py") in homes, (
            f"{here} imports {name}"
        )


def loaded_by(code: str) -> list[str]:
    ask = f"{code}\nimport sys; print(*[m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[-1].split()


def test_the_help_loads_nothing_heavy():
    code = "import contextlib, sys\nsys.argv = ['streamllie', '--help']\n"
    code += "from streamllie.cli import main\nwith contextlib.suppress(SystemExit): main()"
    assert loaded_by(code) == []


def test_the_library_loads_no_runtime_before_it_needs_one():
    assert RUNTIMES.isdisjoint(loaded_by("from streamllie import Enhancer, enhance_video"))


@pytest.mark.parametrize("backend", LOADS)
def test_no_backends_import_costs_users_of_another(backend):
    allowed = LOADS[backend]
    if any(importlib.util.find_spec(name) is None for name in allowed - {"cuda"} or allowed):
        pytest.skip(f"needs {', '.join(allowed)}")
    loaded = loaded_by(f"import streamllie.backends.{backend}")
    assert RUNTIMES & set(loaded) <= allowed


def test_asking_what_is_available_loads_no_runtime():
    assert RUNTIMES.isdisjoint(loaded_by("from streamllie.backends import available; available()"))


def test_opening_a_model_on_the_cpu_loads_its_runtime_alone():
    code = "from streamllie.backends import open_engine; from streamllie.shelf import find\n"
    code += "from streamllie.frame import VideoFormat\n"
    code += "open_engine(find('lite'), VideoFormat(height=64, width=64), backend='openvino')"
    assert RUNTIMES & set(loaded_by(code)) == {"openvino"}


def test_the_public_surface_is_this():
    assert sorted(streamllie.__all__) == ["Enhancer", "Report", "enhance_video", "errors"]
    for name in streamllie.__all__:
        assert getattr(streamllie, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'enhanse'"):
        streamllie.enhanse  # noqa: B018
