"""From a training run to a TensorRT engine, as somebody does it who has nothing but this installation."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest

from streamllie.backends.tensorrt_library import installed
from tests.models.graphs import save_run
from tests.models.networks import SMALL

NO_BLOCKS = replace(SMALL, encoder=0, middle=0, decoder=0)  # its export takes two thirds of the time


@pytest.mark.skipif("tensorrt-rtx" not in installed(), reason="needs TensorRT for RTX: streamllie[tensorrt]")
def test_a_checkpoint_of_a_run_becomes_an_engine_in_one_command(tmp_path):
    checkpoint = save_run(NO_BLOCKS, tmp_path / "checkpoint.pt")
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": os.environ.get("PYTHONPATH", ""), "HOME": str(tmp_path)}
    command = [sys.executable, "-m", "streamllie", "engine", "build", str(checkpoint), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, env=environment)
    assert done.returncode == 0, done.stderr
    event = json.loads(done.stdout)
    assert event["path"].startswith(str(tmp_path)), "in the cache of this home"
    assert event["bytes"] > 100_000
    assert event["precision"] == "fp16"
