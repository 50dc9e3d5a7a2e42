"""A plain `pip install streamllie`, without any extra: what works in it, and which extra the rest asks for."""

import subprocess
import sys

import pytest

from tests.media import make_video

# Packages of the extras; what a plain install brings by itself is not among them.
EXTRAS = (
    *("aiohttp", "aiortc", "cuda", "matplotlib", "onnx", "onnxruntime", "onnxscript", "pycuda", "pygame"),
    *("pyvirtualcam", "tensorrt", "tensorrt_rtx", "tensorrt_rtx_bindings", "tomlkit", "torch"),
    *("onnxruntime_ep_nv_tensorrt_rtx", "playwright"),
)
PLAIN = f"""
import sys

class Without:
    def __init__(self, finder):
        self._finder = finder

    def __getattr__(self, name):
        return getattr(self._finder, name)

    def find_spec(self, name, *rest):
        return None if name.split(".")[0] in {EXTRAS!r} else self._finder.find_spec(name, *rest)

sys.meta_path[:] = [Without(finder) for finder in sys.meta_path]
from streamllie.cli import main
main()
"""


def plain(*words: str) -> subprocess.CompletedProcess[str]:
    """Run the command line as if no extra were installed."""
    command = [sys.executable, "-c", PLAIN, *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.parametrize("words", [("doctor",), ("models",), ("cameras",), ("engine", "list")])
def test_what_tells_about_the_machine_works(words, tmp_path, monkeypatch):
    monkeypatch.setenv("STREAMLLIE_CACHE", str(tmp_path))
    done = plain(*words)
    assert done.returncode == 0, done.stderr
    assert "bug in StreamLLIE" not in done.stderr


def test_a_video_is_enhanced_and_compared(tmp_path):
    night, day = make_video(tmp_path / "night.mp4"), tmp_path / "day.mp4"
    assert plain("enhance", str(night), str(day)).returncode == 0
    assert plain("compare", str(night), str(day), "-o", str(tmp_path / "report.html")).returncode == 0


@pytest.mark.parametrize(
    ("words", "extra"),
    [
        (("engine", "build", "lite"), "tensorrt"),
        (("webcam", "--camera", "lavfi:testsrc2"), "live"),
        (("serve", "lavfi:testsrc2"), "live"),
        (("enhance", "night.mp4", "day.mp4", "--backend", "onnxruntime"), "onnxruntime"),
        (("enhance", "night.mp4", "day.mp4", "--backend", "eager"), "torch"),
        (("enhance", "night.mp4", "day.mp4", "--backend", "tensorrt"), "tensorrt"),
    ],
)
def test_what_needs_more_names_the_extra_in_one_sentence(words, extra, tmp_path, monkeypatch):
    make_video(tmp_path / "night.mp4")
    monkeypatch.chdir(tmp_path)
    done = plain(*words)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert f'pip install "streamllie[{extra}]"' in line
    assert "bug in StreamLLIE" not in line
