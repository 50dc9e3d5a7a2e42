"""What OpenVINO compiled is kept: the next start is faster, and nothing else differs."""

import os
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from streamllie import shelf
from streamllie.backends import compiled, openvino
from streamllie.backends.compiled import Compiled
from streamllie.backends.engine_file import Header, pack, read
from streamllie.backends.openvino import ov
from streamllie.frame import Frame, VideoFormat
from tests.models.echo import save_echo


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """The cache, empty."""
    monkeypatch.setenv("STREAMLLIE_CACHE", str(tmp_path))
    return tmp_path / "openvino"


@pytest.fixture
def compilations(monkeypatch) -> list[int]:
    """Grows by one when a graph is compiled."""
    seen, compile_model = [], ov.Core.compile_model
    monkeypatch.setattr(ov.Core, "compile_model", lambda *words: seen.append(1) or compile_model(*words))
    return seen


def enhanced(name: str | Path, *, width: int = 48) -> list[np.ndarray]:
    """Planes of two frames of noise, from an engine that was opened for them."""
    rng = np.random.default_rng(3)
    y, u, v = (rng.integers(16, 60, (32 // part, width // part), dtype=np.uint8) for part in (1, 2, 2))
    frame = Frame(y=y, u=u, v=v, pts=0, time_base=Fraction(1, 25))
    with openvino.open_engine(shelf.find(name), VideoFormat(height=32, width=width), precision="fp32") as engine:
        frames = [engine(frame, keep=keep) for keep in (0.0, 0.9)]
    return [plane for frame in frames for plane in (frame.y, frame.u, frame.v)]


def test_a_graph_is_compiled_once_and_frames_are_the_same_to_the_bit(folder, compilations):
    first, second = enhanced("lite"), enhanced("lite")
    assert len(compilations) == 1
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert len(list(folder.iterdir())) == 1, "nothing half written stays"


def test_another_size_another_model_and_another_version_are_compiled_for_themselves(folder, compilations, monkeypatch):
    one, other = save_echo(folder.parent / "one.onnx"), save_echo(folder.parent / "other.onnx")
    enhanced(one)
    enhanced(one, width=64)
    enhanced(other)
    monkeypatch.setattr(openvino.ov, "get_version", lambda: "another")
    enhanced(one)
    assert len(compilations) == len(list(folder.iterdir())) == 4


def test_what_is_torn_or_nothing_to_openvino_is_compiled_again_and_replaced(folder, compilations):
    first = enhanced("lite-lol")
    (path,) = folder.iterdir()
    whole = path.read_bytes()
    header = read(path)[0]
    for spoilt in (whole[:-100], pack(header, b"no graph")):
        path.write_bytes(spoilt)
        again = enhanced("lite-lol")
        assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
        assert read(path)[0] == header
        assert path.stat().st_size == pytest.approx(len(whole), rel=0.01)
    assert len(compilations) == 3


def test_a_place_that_takes_nothing_costs_nothing_but_time(tmp_path, monkeypatch, compilations):
    (tmp_path / "file").write_text("precious")
    monkeypatch.setenv("STREAMLLIE_CACHE", str(tmp_path / "file"))
    graph = save_echo(tmp_path / "echo.onnx")
    enhanced(graph)
    enhanced(graph)
    assert len(compilations) == 2
    assert (tmp_path / "file").read_text() == "precious"


def test_what_was_not_used_for_longest_goes(folder, monkeypatch):
    kept = Compiled("openvino", "1")
    for n, key in enumerate("abc"):
        kept.keep(key, bytes(1000))
        os.utime(folder / key, (n, n))
    assert kept.load("a") == bytes(1000)  # used just now
    size = (folder / "a").stat().st_size
    monkeypatch.setattr(compiled, "MOST", 3 * size)
    kept.keep("d", bytes(1000))
    assert sorted(path.name for path in folder.iterdir()) == ["a", "c", "d"]


def test_a_file_under_another_key_is_not_taken_for_what_its_name_says(folder):
    kept = Compiled("openvino", "1")
    kept.keep("a", b"one")
    header = Header(kind="compiled", key="b", about={"flavour": "openvino", "version": "1"})
    (folder / "a").write_bytes(pack(header, b"two"))
    assert kept.load("a") is None
