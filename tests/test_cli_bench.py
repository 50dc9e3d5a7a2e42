"""`streamllie bench` as people and programs meet it."""

import contextlib
import json
import shutil
import subprocess
import sys
import time

import cv2
import pytest
from typer.testing import CliRunner

from streamllie import bench, bench_backends, cli, shelf
from streamllie.backends import available, open_engine
from streamllie.backends.switch import Switching
from streamllie.bench_backends import check_plot, compare
from streamllie.errors import BackendError, BackendMissing, StreamLLIEError
from streamllie.frame import VideoFormat
from tests.command import events, streamllie


@pytest.fixture
def own_shelf(tmp_path, monkeypatch):
    """A shelf with "mine", whose files have names unlike its own."""
    model = shelf.find("lite")
    shutil.copy(model.path, tmp_path / "graph.onnx")
    shutil.copy(model.weights_path, tmp_path / "weights.pt")
    words = {"name": "mine", "file": "graph.onnx", "sha256": model.sha256, "bytes": model.bytes, "licence": "mine",
             "parameters": 1, "weights_file": "weights.pt", "weights_sha256": model.weights_sha256}  # fmt: skip
    lines = "".join(f"{key} = {json.dumps(value)}\n" for key, value in words.items())
    (tmp_path / "manifest.toml").write_text(f"[[model]]\n{lines}")
    monkeypatch.setenv("STREAMLLIE_SHELF", str(tmp_path))


def test_bench_of_all_backends_is_one_table_and_a_picture_of_any_model_on_a_shelf(own_shelf, tmp_path):
    plot = tmp_path / "table.png"
    words = ("bench", "--backend", "all", "--model", "mine", "--size", "96x64", "--frames", "30", "--plot", plot)
    done = streamllie(*words, "--json")
    assert done.returncode == 0, done.stderr
    (event,) = events(done)
    rows = {(row["size"], row["backend"], row["precision"]): row for row in event["rows"]}
    assert event["model"] == "mine"
    assert {size for size, _, _ in rows} == {"96x64"}
    for (_, _, precision), row in rows.items():
        assert 0 < row["p50_ms"] <= row["p99_ms"]
        assert row["fps"] == pytest.approx(1000 / row["p50_ms"], rel=0.05), "both are rounded"
        assert 50 < row["memory_mb"] < 3000
        assert row["largest"] <= (1 if precision == "fp32" else 8)
        assert row["mean"] <= 0.6
    assert set(event["absent"]) | {backend for _, backend, _ in rows} >= {"tensorrt", "openvino", "eager"}
    assert "eager" in {backend for _, backend, _ in rows}
    assert cv2.imread(str(plot)).shape[1] > 500


def test_a_backend_that_opens_in_no_precision_is_named_with_the_reason(monkeypatch):
    def open_engine(model, format, *, backend, precision):
        raise BackendError(f"{backend} does not start here")

    monkeypatch.setattr(bench_backends, "open_engine", open_engine)
    with pytest.raises(BackendMissing, match=r"no backend here runs .*openvino does not start here"):
        compare([(64, 96)], frames=8)


def test_several_sizes_or_a_plot_need_all_backends(tmp_path):
    for words in (("--size", "96x64,64x64"), ("--plot", str(tmp_path / "x.png")), ("--backend", "all", "--more")):
        done = CliRunner().invoke(cli.app, ["bench", *words])
        assert done.exit_code == 2
        assert "--backend all" in done.stderr


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("film.mp4", 'ends in ".mp4"; a plot is a .png'),
        ("old.png", "--overwrite"),
        ("none/a.png", "there is no folder"),
    ],
)
def test_a_plot_that_cannot_be_written_is_told_before_the_measuring(tmp_path, name, sentence):
    for kept in ("film.mp4", "old.png"):
        (tmp_path / kept).write_bytes(b"mine")
    done = CliRunner().invoke(cli.app, ["bench", "--backend", "all", "--plot", str(tmp_path / name)])
    assert done.exit_code == 1
    assert sentence in done.stderr
    assert (tmp_path / "film.mp4").read_bytes() == (tmp_path / "old.png").read_bytes() == b"mine"


def test_a_plot_without_matplotlib_is_told_before_the_measuring(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(StreamLLIEError, match=r"a plot needs matplotlib.*; pip install"):
        check_plot(tmp_path / "table.png", overwrite=False)


def test_bench_of_all_backends_leaves_out_those_that_do_not_run_such_a_file(tmp_path):
    shutil.copy(shelf.find("lite").weights_path, tmp_path / "mine.pt")
    (tmp_path / "mine.engine").write_bytes(b"whatever")
    found = compare([(64, 64)], model=tmp_path / "mine.pt", frames=30)
    assert {row.backend for row in found.rows} == {"eager"}
    assert found.absent["openvino"] == "it does not run mine.pt"
    if available()["tensorrt"] is not None:
        with pytest.raises(BackendMissing, match=r"no backend here runs .*mine\.engine"):
            compare([(64, 64)], model=tmp_path / "mine.engine")


def test_what_is_measured_is_one_engine_though_auto_would_begin_with_another(monkeypatch):
    """As on a GPU whose engine is not built yet."""
    built = []

    def open_as_there(model, format, *, backend="auto", precision="auto"):
        if backend != "auto":
            return open_engine(model, format, backend=backend, precision=precision)
        if built:
            return open_engine(model, format, backend="onnxruntime")
        first = open_engine(model, format, backend="openvino")
        return Switching(first, lambda: built.append(True) or open_engine(model, format, backend="onnxruntime"))

    monkeypatch.setattr(bench, "open_engine", open_as_there)
    engines = bench._engines(shelf.find("lite"), VideoFormat(height=64, width=96), "auto")
    with contextlib.ExitStack() as stack:
        for engine in engines:
            stack.enter_context(engine)
        assert {engine.backend for engine in engines} == {"onnxruntime"}


def test_the_run_that_measures_memory_says_what_was_wrong_and_no_more(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "streamllie.bench_backends", "nope", "openvino", "fp32", "64", "64"],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith('no model "nope" on the shelf')


def test_bench_prints_the_promised_figures():
    began = time.monotonic()
    done = streamllie("bench", "--size", "96x64", "--frames", "30", "--json")
    assert done.returncode == 0, done.stderr
    (event,) = events(done)
    assert list(event) == ["size", "engines", "transcode_ms", "enhance_ms", "overhead", "peak_mb"]
    assert event["size"] == "96x64"
    for engine in event["engines"]:
        assert list(engine) == ["backend", "precision", "p50_ms", "p99_ms"]
        assert 0 < engine["p50_ms"] <= engine["p99_ms"]
    assert "fp32" in [engine["precision"] for engine in event["engines"]]
    assert 0 < event["enhance_ms"] < 1000 * (time.monotonic() - began)
    expected = event["enhance_ms"] / (event["engines"][0]["p50_ms"] + event["transcode_ms"]) - 1
    assert event["overhead"] == pytest.approx(expected, abs=0.05)
    assert 50 < event["peak_mb"] < 2000
