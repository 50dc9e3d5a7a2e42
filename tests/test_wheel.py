"""The wheel: the package and its shelf, nothing else, and no runtime that a laptop does not need."""

import importlib.util
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("hatchling") is None or not (ROOT / "pyproject.toml").is_file(),
    reason="needs hatchling and a clone",
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (path,) = folder.glob("streamllie-*.whl")
    with zipfile.ZipFile(path) as opened:
        yield opened


def text_of(wheel: zipfile.ZipFile, end: str) -> str:
    (name,) = [name for name in wheel.namelist() if name.endswith(end)]
    return wheel.read(name).decode()


def test_only_the_package_and_its_shelf_are_inside(wheel):
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"streamllie"}
    wanted = {"cli.py", "py.typed", "compare/page.html", "engines/manifest.toml", "engines/lite.onnx"}
    assert {f"streamllie/{name}" for name in wanted} <= set(wheel.namelist())


def test_no_stray_files_are_inside(wheel):
    strays = [n for n in wheel.namelist() if "__pycache__" in n or n.endswith((".mp4", ".png", ".log"))]
    assert strays == []


def test_the_command_and_the_licence_are_inside(wheel):
    assert "streamllie = streamllie.__main__:main" in text_of(wheel, "entry_points.txt")
    assert "Apache License" in text_of(wheel, "licenses/LICENSE")


def test_the_base_install_asks_for_neither_torch_nor_cuda(wheel):
    metadata = text_of(wheel, "METADATA")
    needed = [line for line in metadata.splitlines() if line.startswith("Requires-Dist") and "extra" not in line]
    assert needed
    assert [line for line in needed if any(w in line for w in ("torch", "cuda", "nvidia", "tensorrt"))] == []
