"""Graphs of networks for tests, exported once for all processes of the tests: an export takes half a minute."""

import os
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path

import pytest
import torch
from filelock import FileLock

from streamllie.models.export import export_checkpoint
from streamllie.models.network import NetworkSize
from tests.models.networks import lively_network


def exported(size: NetworkSize, tmp_path_factory: pytest.TempPathFactory, *, deep: bool = False) -> Path:
    """The graph of the lively network of a size, "model.onnx", and its checkpoint "model.pt" beside it."""
    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent
    folder = root / f"graph-{sha256(repr((size, deep)).encode()).hexdigest()[:12]}"
    with FileLock(f"{folder}.lock"):
        if not (folder / "model.onnx").exists():
            folder.mkdir(exist_ok=True)
            saved = {"average": lively_network(size).state_dict(), "recipe": {"network": asdict(size)}, "step": 1}
            torch.save(saved, folder / "model.pt")
            export_checkpoint(folder / "model.pt", folder / "model.onnx", deep=deep)
    return folder / "model.onnx"
