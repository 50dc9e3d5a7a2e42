import json
import re
import shutil
import sys

import cv2
import numpy as np
import pytest

from streamllie import Enhancer, shelf
from training import evaluate
from training.metrics import psnr

pytestmark = pytest.mark.usefixtures("opens_fast")


@pytest.fixture
def folder(tmp_path):
    """Two pairs: a bright picture with structure, and the same with a tenth of the light."""
    rng = np.random.default_rng(0)
    for kind in ("low", "high"):
        (tmp_path / kind).mkdir()
    for name in ("a", "b"):
        high = cv2.resize(rng.integers(60, 255, (6, 8, 3), dtype=np.uint8), (96, 64), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(tmp_path / f"high/{name}.png"), high)
        cv2.imwrite(str(tmp_path / f"low/{name}.png"), high // 10)
    return tmp_path


def run(monkeypatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["evaluate", *arguments])
    evaluate.main()


def test_json_holds_the_means_over_all_pairs_of_what_users_get(folder, monkeypatch, capsys):
    run(monkeypatch, "--pairs", str(folder), "--json")
    printed = json.loads(capsys.readouterr().out)
    assert sorted(printed) == ["colour", "n", "psnr", "ssim"]
    with Enhancer("lite") as enhance:
        expected = np.mean([psnr(enhance(low), high) for _, low, high in evaluate.pairs(folder)])
    assert printed["n"] == 2
    assert printed["psnr"] == pytest.approx(expected, abs=1e-3)
    untouched = np.mean([psnr(low, high) for _, low, high in evaluate.pairs(folder)])
    assert printed["psnr"] > untouched + 3


def test_a_well_lit_picture_that_is_too_small_to_be_scored_is_named(folder, monkeypatch):
    cv2.imwrite(str(folder / "high/c.png"), np.full((5, 3, 3), 90, np.uint8))
    with pytest.raises(SystemExit, match=r"evaluate: .*c\.png is 3x5; here a picture must be 16x16 at least"):
        run(monkeypatch, "--bright", str(folder / "high"), "--json")


def test_well_lit_pictures_are_scored_against_themselves(folder, monkeypatch, capsys):
    (folder / "high/._a.png").write_bytes(b"of another system")
    run(monkeypatch, "--bright", str(folder / "high"), "--json")
    printed = json.loads(capsys.readouterr().out)
    assert printed["n"] == 2
    assert printed["worst_psnr"] <= printed["psnr"] <= evaluate.BEST
    assert 0 <= printed["clipped"] <= 1


def test_made_pictures_are_scored_like_pairs(data, monkeypatch, capsys):
    run(monkeypatch, "--made", str(data), "--json")
    assert json.loads(capsys.readouterr().out)["n"] == 1


@pytest.mark.parametrize(
    "words", [("--made", "x", "--scene", "pan"), ("--clips", "x", "--each"), ("--clips", "x", "--sheet", "s.png")]
)
def test_options_that_have_no_effect_together_are_refused(words, monkeypatch):
    with pytest.raises(SystemExit) as left:
        run(monkeypatch, *words)
    assert left.value.code == 2


def test_newly_clipped_pixels_are_those_that_were_not_white_before():
    truth = np.full((4, 4, 3), 200, np.uint8)
    truth[0] = 255
    out = truth.copy()
    out[1, :, 0] = 255
    assert evaluate.clipped(out, truth) == 0.25


def test_a_sheet_shows_dark_ours_and_truth_of_every_pair(folder, monkeypatch, tmp_path):
    run(monkeypatch, "--pairs", str(folder), "--sheet", str(tmp_path / "sheet.png"))
    assert cv2.imread(str(tmp_path / "sheet.png")).shape == (2 * 200, 3 * 300, 3)


def test_json_with_every_picture_is_one_object(folder, monkeypatch, capsys):
    run(monkeypatch, "--pairs", str(folder), "--json", "--each")
    printed = json.loads(capsys.readouterr().out)
    assert [each["name"] for each in printed["each"]] == ["a", "b"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--pairs", "{low}"], r"evaluate: .*low has 0 pairs; give a folder with low/ and high/"),
        (["--pairs", "{folder}", "--model", "nope"], 'evaluate: no model "nope" on the shelf'),
        (["--pairs", "{folder}", "--backend", "nope"], "evaluate: .*nope"),
        (["--made", "{folder}"], r"evaluate: .* has no pictures in bsds500/val; give the data folder"),
        (["--bright", "{folder}"], r"evaluate: .* has no pictures"),
        (["--clips", "{folder}"], r"evaluate: there is no .*cameras\.json"),
        (["--clips", "{data}", "--scene", "persn"], r'evaluate: no scene of .* has a name that begins with "persn"'),
        (["--pairs", "{folder}", "--sheet", "{folder}/none/a.png"], "there is no folder"),
        (["--pairs", "{folder}", "--sheet", "a.txt"], '"a.txt" must end in .png or .jpg'),
        (["--pairs", "{folder}", "--model", "{loose}", "--record", "x"], "evaluate: .* is on no shelf"),
    ],
)
def test_a_mistake_is_one_sentence(folder, data, monkeypatch, capsys, tmp_path, words, sentence):
    loose = shutil.copy(shelf.find("lite").path, tmp_path / "loose.onnx")
    places = {"folder": folder, "low": folder / "low", "data": data, "loose": loose}
    with pytest.raises(SystemExit) as stopped:
        run(monkeypatch, *(word.format(**places) for word in words))
    told = capsys.readouterr().err + str(stopped.value.code)
    assert re.search(sentence, told), told


def test_pairs_that_do_not_fit_are_named(folder):
    cv2.imwrite(str(folder / "low/alone.png"), np.zeros((32, 32, 3), np.uint8))
    with pytest.raises(ValueError, match="no partner for alone"):
        list(evaluate.pairs(folder))
    cv2.imwrite(str(folder / "high/alone.png"), np.zeros((34, 32, 3), np.uint8))
    with pytest.raises(ValueError, match=r"alone\.png is 32x32 and .*alone\.png is 32x34"):
        list(evaluate.pairs(folder))
