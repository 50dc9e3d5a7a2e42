"""From a training run to a TensorRT engine in one command."""

import json

import onnx
import pytest
from typer.testing import CliRunner

from streamllie import cli
from streamllie.backends.tensorrt_library import installed
from tests.models.graphs import exported
from tests.models.networks import REMEMBERS


@pytest.mark.skipif("tensorrt-rtx" not in installed(), reason="needs TensorRT for RTX: streamllie[tensorrt]")
def test_a_checkpoint_of_a_run_becomes_an_engine_in_one_command(tmp_path, tmp_path_factory, monkeypatch):
    shelf = exported(REMEMBERS, tmp_path_factory)
    # Tracing takes half a minute: this is what it gave of the same weights.
    monkeypatch.setattr("streamllie.models.export.trace", lambda folded: onnx.load(shelf / "model.deep.onnx"))
    monkeypatch.setenv("STREAMLLIE_CACHE", str(tmp_path))
    checkpoint = shelf.with_name(f"{shelf.name}.checkpoint.pt")
    done = CliRunner().invoke(cli.app, ["engine", "build", str(checkpoint), "--json"])
    assert done.exit_code == 0, done.stderr
    event = json.loads(done.stdout)
    assert event["path"].startswith(str(tmp_path))
    assert event["bytes"] > 100_000
    assert event["precision"] == "fp16"
