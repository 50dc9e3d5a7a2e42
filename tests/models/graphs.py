"""Models of networks for tests, exported once for all processes of the tests: an export takes half a minute."""

import os
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path

import pytest
import torch
from filelock import FileLock

from streamllie.models.network import NetworkSize
from tests.models.networks import lively_network
from training.export import export


def exported(size: NetworkSize, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shelf with the lively network of a size, "model", as `training.export` puts a run's checkpoint there."""
    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent
    shelf = root / f"shelf-{sha256(repr(size).encode()).hexdigest()[:12]}"
    with FileLock(f"{shelf}.lock"):
        if not (shelf / "manifest.toml").exists():
            checkpoint = save_run(size, Path(f"{shelf}.checkpoint.pt"))
            export(checkpoint, name="model", licence="free", summary="A test.", shelf=shelf)
    return shelf


def save_run(size: NetworkSize, path: Path) -> Path:
    """A checkpoint as a run leaves it."""
    state = lively_network(size).state_dict()
    saved = {"network": state, "average": state, "optimiser": {}, "step": 7, "recipe": {"network": asdict(size)}}
    torch.save(saved, path)
    return path
