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
with Enhancer(backend=sys.argv[1], precision="fp32") as enhance:
    enhance(np.zeros((64, 64, 3), np.uint8))
assert sys.argv[1] in sys.modules
"""
# By which their telemetry knows that nobody is at home, or that it is not wanted.
KNOWN = {"CI", "TF_BUILD", "JENKINS_URL", "GITHUB_ACTIONS", "PYTEST_CURRENT_TEST", "ORT_DISABLE_TELEMETRY"}


@pytest.mark.parametrize("backend", ["openvino", "onnxruntime"])
def test_using_a_backend_reports_nothing_and_leaves_nothing_at_home(tmp_path: Path, backend: str):
    """Their imports reported themselves over the network, and wrote identities to ~/intel and ~/.cache/Microsoft."""
    pytest.importorskip(backend)
    surroundings = {name: value for name, value in os.environ.items() if name not in KNOWN}
    surroundings |= {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / ".cache")}
    words = [sys.executable, "-c", CODE, backend]
    done = subprocess.run(words, check=True, capture_output=True, text=True, env=surroundings)
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


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
