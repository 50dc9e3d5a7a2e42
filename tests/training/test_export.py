"""A checkpoint goes to a shelf whole, or the shelf stays as it was."""

import math
import shutil
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from streamllie import shelf
from streamllie.backends import open_engine
from streamllie.errors import ModelError, SinkError
from streamllie.frame import Frame, VideoFormat
from streamllie.models.checkpoint import load
from streamllie.models.fold import fold
from tests.models.echo import echo
from tests.models.graphs import exported, save_run
from tests.models.networks import REMEMBERS, SMALL, lively_network
from training import export as exporting
from training.export import export, record


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """As a run leaves it."""
    return save_run(SMALL, tmp_path_factory.mktemp("run") / "checkpoint.pt")


@pytest.fixture
def quick(monkeypatch):
    """In place of what traces a network, which takes long: a graph that gives back what it gets."""
    monkeypatch.setattr(exporting, "trace", lambda folded: echo("same"))


def put(checkpoint, own, **changes) -> dict:
    return export(checkpoint, **{"name": "mine", "licence": "free", "summary": "A test.", "shelf": own} | changes)


def contents(folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_trained_checkpoint_goes_to_a_shelf_and_runs_there(tmp_path, tmp_path_factory, monkeypatch):
    own = shutil.copytree(exported(REMEMBERS, tmp_path_factory), tmp_path / "shelf")
    record(own, "model", {"scores": {"pairs": {"n": 1, "psnr": 20.0, "ssim": 0.5}}})
    monkeypatch.setenv("STREAMLLIE_SHELF", str(own))

    model = shelf.find("model")
    assert sorted(path.name for path in own.iterdir()) == ["manifest.toml", "model.deep.onnx", "model.onnx", "model.pt"]
    assert model.parameters == sum(p.numel() for p in fold(lively_network(REMEMBERS)).parameters())
    assert model.scores["pairs"]["psnr"] == 20.0
    format = VideoFormat(height=32, width=32, full_range=True)
    planes = np.full((32, 32), 20, np.uint8), *2 * (np.full((16, 16), 128, np.uint8),)
    frame = Frame(y=planes[0], u=planes[1], v=planes[2], pts=0, time_base=format.time_base)
    with open_engine(model, format, precision="fp32") as engine, open_engine(model, format, backend="eager") as eager:
        assert np.abs(engine(frame).y.astype(int) - eager(frame).y).max() <= 1
    assert model.weights_path
    assert load(model.weights_path).size == REMEMBERS


def test_a_model_that_is_exported_again_without_a_summary_keeps_its_own(checkpoint, quick, tmp_path):
    put(checkpoint, tmp_path)
    put(checkpoint, tmp_path, summary="", licence="other")
    assert 'summary = "A test."' in (tmp_path / "manifest.toml").read_text()


def test_an_export_that_is_ended_leaves_the_model_that_was_there(checkpoint, quick, tmp_path, monkeypatch):
    put(checkpoint, tmp_path)
    before = contents(tmp_path)

    def full(graph, path):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("onnx.save", full)
    with pytest.raises(SinkError, match="the disk is full"):
        put(checkpoint, tmp_path, licence="other")
    assert contents(tmp_path) == before


def test_a_manifest_that_cannot_be_written_whole_stays_as_it_was(checkpoint, quick, tmp_path, monkeypatch):
    put(checkpoint, tmp_path)
    before = contents(tmp_path)

    def full(self, text, **options):
        self.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_text", full)
    with pytest.raises(SinkError, match="the disk is full"):
        record(tmp_path, "mine", {"summary": "new"})
    assert contents(tmp_path) == before


def test_the_checkpoint_of_a_run_is_not_taken_for_a_model_to_replace(checkpoint, quick, tmp_path):
    before = contents(checkpoint.parent)
    with pytest.raises(ValueError, match="is a run's own checkpoint, which would be lost"):
        put(checkpoint, checkpoint.parent, name="checkpoint")
    best = shutil.copy(checkpoint, tmp_path / "best.pt")
    with pytest.raises(ValueError, match="is a run's own checkpoint, which would be lost"):
        put(best, checkpoint.parent, name="checkpoint")
    assert contents(checkpoint.parent) == before


@pytest.mark.parametrize("name", ["", "../evil", "a/b", "a\nb", ".hidden", "lite.deep"])
def test_a_name_that_is_none_of_a_file_is_refused(checkpoint, tmp_path, name):
    with pytest.raises(ValueError, match=r'use letters, digits, "-", "_" and "\."'):
        put(checkpoint, tmp_path / "shelf", name=name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("text", ["[[model", "model = 3", "model = [3]"])
def test_a_broken_manifest_is_told_before_the_work(checkpoint, quick, tmp_path, text):
    (tmp_path / "manifest.toml").write_text(text)
    with pytest.raises(ValueError, match=r"manifest\.toml is not a manifest of models .*; mend or remove it"):
        put(checkpoint, tmp_path)
    assert contents(tmp_path) == {"manifest.toml": text.encode()}


def test_scores_of_a_model_that_is_not_on_the_shelf_break_nothing(tmp_path):
    with pytest.raises(ValueError, match='no model "loose" is on the shelf'):
        record(tmp_path, "loose", {"scores": {}})
    assert not list(tmp_path.iterdir())


def test_two_that_write_to_one_shelf_at_once_lose_nothing(tmp_path):
    (tmp_path / "manifest.toml").write_text('[[model]]\nname = "x"\n')

    def write(name: str) -> None:
        for n in range(20):
            record(tmp_path, "x", {"scores": {f"{name}{n}": {"n": n}}})

    with ThreadPoolExecutor(2) as both:
        list(both.map(write, "ab"))
    (model,) = tomllib.loads((tmp_path / "manifest.toml").read_text())["model"]
    assert len(model["scores"]) == 40


def test_scores_go_when_the_files_change(tmp_path):
    (tmp_path / "manifest.toml").write_text('# kept\n[[model]]\nname = "x"\nsha256 = "1"\nscores = {a = 1}\n')
    record(tmp_path, "x", {"sha256": "2"})
    text = (tmp_path / "manifest.toml").read_text()
    assert "scores" not in text
    assert "# kept" in text


def test_a_file_that_is_no_checkpoint_is_told(tmp_path, monkeypatch):
    (tmp_path / "notes.pt").write_text("nothing to see here")
    with pytest.raises(ModelError, match=r"notes\.pt is not a checkpoint"):
        put(tmp_path / "notes.pt", tmp_path / "shelf")
    words = ["export", str(tmp_path / "notes.pt"), "--name", "x", "--licence", "free"]
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit, match=r"export: .*notes\.pt is not a checkpoint"):
        exporting.main()


def test_weights_that_are_no_numbers_go_to_no_shelf(checkpoint, quick, tmp_path):
    saved = torch.load(checkpoint, weights_only=True)
    saved["average"]["stem.weight"][0] = math.nan
    torch.save(saved, tmp_path / "wrong.pt")
    with pytest.raises(ValueError, match=r"wrong\.pt holds weights that are no finite numbers"):
        put(tmp_path / "wrong.pt", tmp_path / "shelf")
    assert not list((tmp_path / "shelf").iterdir())
