"""What importing a backend's library must not do."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from streamllie.backends.imports import without

CODE = """
import socket, sys

def refused(*args, **kwargs):
    print("the network was asked for")
    raise OSError("no network here")

socket.socket.connect = socket.getaddrinfo = socket.create_connection = refused
from streamllie import Enhancer
import numpy as np
with Enhancer(backend="openvino", precision="fp32") as enhance:
    enhance(np.zeros((64, 64, 3), np.uint8))
assert "openvino" in sys.modules
"""


def test_using_openvino_reports_nothing_and_leaves_nothing_at_home(tmp_path: Path):
    """Its import sent an event over the network and wrote ~/intel/openvino_ga_cid, wherever it was not in CI."""
    in_ci = {"CI", "TF_BUILD", "JENKINS_URL"}  # by which its telemetry knows that nobody is at home
    surroundings = {name: value for name, value in os.environ.items() if name not in in_ci} | {"HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", CODE], check=True, capture_output=True, text=True, env=surroundings)
    assert done.stdout == ""
    assert [path.name for path in tmp_path.iterdir() if path.name != ".cache"] == []


def test_a_package_is_not_found_inside_and_found_after(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "reports_itself.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError), without("reports_itself"):
        importlib.import_module("reports_itself")
    assert importlib.import_module("reports_itself").__file__


def test_a_package_that_somebody_imported_stays():
    before = sys.modules["subprocess"]
    with without("subprocess"):
        assert sys.modules["subprocess"] is before
    assert sys.modules["subprocess"] is before
