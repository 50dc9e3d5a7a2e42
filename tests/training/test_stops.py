"""A run that is stopped, killed or begun wrongly: what was learned stays, and the way on is said."""

import csv
import math
import os
import re
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from streamllie.errors import SinkError
from streamllie.models.checkpoint import load
from tests.models.networks import SMALL
from tests.training.test_train import PLAN, ROOT, write_plan
from training import checkpoints, train
from training.command import set_by_signals
from training.curves import Log


def steps_of(out) -> list[str]:
    with (out / "log.csv").open(newline="") as file:
        return [row["step"] for row in csv.DictReader(file)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_asks_for_an_end_and_the_second_is_none_of_ours(number):
    before = signal.signal(number, signal.SIG_IGN)
    try:
        stop = threading.Event()
        with set_by_signals(stop):
            signal.raise_signal(number)
            assert stop.is_set()
            assert signal.getsignal(number) == signal.SIG_IGN
    finally:
        signal.signal(number, before)


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_a_signal_to_all_of_a_run_saves_what_was_learned_and_says_how_to_go_on(data, tmp_path):
    write_plan(tmp_path, "steps = 100000\nvalidate_every = 2")
    command = [sys.executable, "-m", "training.train", "plan.toml", "--data", str(data), "--out", "out"]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [*command, "--workers", "1"], cwd=tmp_path, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, start_new_session=True,
    ) as run:  # fmt: skip
        assert run.stdout.readline().startswith("step=2 ")
        os.killpg(run.pid, signal.SIGTERM)
        _, told = run.communicate(timeout=60)
    assert run.returncode == 130
    assert told.endswith("training: stopped and saved; the same command goes on from there\n")
    assert "Traceback" not in told
    assert torch.load(tmp_path / "out/checkpoint.pt", weights_only=True)["step"] >= 2


def test_the_best_step_is_kept_beside_the_last(data, tmp_path, monkeypatch):
    scores = iter([20.0, 21.0, 23.0, 21.0, 22.0, 21.0])  # of pairs and of made pictures in turn
    monkeypatch.setattr("training.train.validate", lambda network, pairs: next(scores))
    train.train(replace(PLAN, validate_every=2), data=data, out=tmp_path)
    best = torch.load(tmp_path / "best.pt", weights_only=True)
    assert best["step"] == 4
    assert load(tmp_path / "best.pt").size == SMALL
    assert "optimiser" not in best


def test_a_run_that_dies_at_its_checkpoint_has_kept_the_best_step(data, tmp_path, monkeypatch):
    def die(*arguments, **more):
        raise KeyboardInterrupt

    monkeypatch.setattr("training.train.save", die)
    with pytest.raises(KeyboardInterrupt):
        train.train(replace(PLAN, steps=2, validate_every=2), data=data, out=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["best.pt"]


def test_a_resumed_run_forgets_the_lines_that_it_does_again_and_those_that_are_torn(tmp_path):
    log = Log(tmp_path / "log.csv")
    for step in (2, 4, 6):
        log.write(step=step, loss=0.5, psnr_pairs=20.0)
    with (tmp_path / "log.csv").open("a") as file:
        file.write("4,0.5,20.0\n3,x,90.0\n2,0.4")
    again = Log(tmp_path / "log.csv", until=4)
    again.write(step=6, loss=0.25, psnr_pairs=21.0, psnr_made=19.0)
    with (tmp_path / "log.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["step"] for row in rows] == ["2", "4", "6"]
    assert [row["psnr_made"] for row in rows] == ["", "", "19.0"]
    assert again.loss == 0.25, "the mean goes on from here"
    assert not again.is_best({"psnr_pairs": 20.5})
    assert again.is_best({"psnr_pairs": 21.5})


@pytest.mark.parametrize("content", ["", "step,loss\n", 200_000 * "\0"])
def test_a_log_without_a_line_is_no_reason_to_stop(data, tmp_path, content):
    (tmp_path / "log.csv").write_text(content)
    train.train(replace(PLAN, steps=3), data=data, out=tmp_path)
    assert steps_of(tmp_path) == ["3"]


def test_a_score_that_is_no_number_does_not_stay_the_best(tmp_path):
    log = Log(tmp_path / "log.csv")
    assert math.isnan(log.loss)
    log.write(step=2, loss=math.nan, psnr_pairs=math.nan)
    assert log.is_best({"psnr_pairs": 20.5})


def test_a_run_that_has_no_best_step_yet_keeps_the_next_one(data, tmp_path):
    Log(tmp_path / "log.csv").write(step=0, loss=0.5, psnr_pairs=59.0)  # as an earlier version left it
    train.train(replace(PLAN, steps=3), data=data, out=tmp_path)
    assert torch.load(tmp_path / "best.pt", weights_only=True)["step"] == 3


def test_a_run_that_came_to_its_end_was_not_stopped(data, tmp_path):
    stop = threading.Event()
    stop.set()
    train.train(replace(PLAN, steps=1), data=data, out=tmp_path, stop=stop)
    assert not stop.is_set()
    stop.set()
    train.train(replace(PLAN, steps=3), data=data, out=tmp_path, stop=stop)
    assert stop.is_set()
    assert torch.load(tmp_path / "checkpoint.pt", weights_only=True)["step"] == 2


@pytest.mark.parametrize("content", [None, b"", b"torn"])
def test_a_checkpoint_that_does_not_go_with_the_recipe_is_left_alone_and_told(data, tmp_path, content):
    path = train.train(replace(PLAN, steps=1, validate_every=1), data=data, out=tmp_path)
    if content is not None:
        path.write_bytes(content)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=r"checkpoint\.pt cannot be resumed .*another --out"):
        train.train(replace(PLAN, network=replace(SMALL, coarse=16)), data=data, out=tmp_path)
    assert path.read_bytes() == before


def test_a_disk_that_is_full_leaves_the_last_checkpoint_whole(data, tmp_path, monkeypatch):
    path = train.train(replace(PLAN, steps=1, validate_every=1), data=data, out=tmp_path)
    before = path.read_bytes()

    def half(state, target):
        target.write_bytes(b"half")
        raise RuntimeError("PytorchStreamWriter failed writing file")

    monkeypatch.setattr(checkpoints.torch, "save", half)
    with pytest.raises(SinkError, match=r"(best|checkpoint)\.pt"):
        train.train(replace(PLAN, steps=2, validate_every=1), data=data, out=tmp_path)
    assert path.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["best.pt", "checkpoint.pt", "curves.png", "log.csv"]


def test_what_a_run_that_was_killed_left_half_written_is_swept_away(data, tmp_path):
    for name in (".checkpoint.4711-0123abcd.pt", ".best.4711-0123abcd.pt", ".log.1-0123abcd.csv"):
        (tmp_path / name).write_bytes(b"half")
    (tmp_path / ".notes.pt").write_bytes(b"mine")
    (tmp_path / ".checkpoint.old.4711-0123abcd.pt").write_bytes(b"of another")
    train.train(replace(PLAN, steps=1), data=data, out=tmp_path)
    hidden = sorted(path.name for path in tmp_path.iterdir() if path.name.startswith("."))
    assert hidden == [".checkpoint.old.4711-0123abcd.pt", ".notes.pt"]


def test_a_pair_without_any_error_has_a_psnr_too():
    white = [torch.ones(1, 1, 4, 4), *2 * [torch.zeros(1, 1, 2, 2)]]
    assert train.plane_psnr(white, white) == pytest.approx(60)


@pytest.fixture(scope="module")
def more(data) -> Path:
    """The data folder, with two pairs of somebody's own."""
    for kind in ("low", "high"):
        (data / "mine" / kind).mkdir(parents=True)
        for name in ("a", "b"):
            cv2.imwrite(str(data / "mine" / kind / f"{name}.png"), np.full((96, 128, 3), 50, np.uint8))
    return data


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"only": "histry."}, 'only is "histry.", and no weight has a name that begins so; its parts are history., '),
        ({"only": "stem.", "kept": "stem"}, 'only is "stem.", and no weight, other than those of kept, "stem", has'),
        ({"only": "history."}, "has no part in pictures; set clips to 1"),
        ({"clean": ("lol-v1/train/low",)}, "no bright picture in lol-v1/train/low"),
        ({"clips": 0.5, "mixture": replace(PLAN.mixture, dark=0, bright=0, black=0)}, "clips are made of clean"),
        (
            {"crop": (112, 160), "pairs": "lol-v1/train"},
            "pair 1 of .*lol-v1/train is 128x96; here a picture must be 160x112",
        ),
        ({"crop": (96, 160)}, r"png is 128x96; here a picture must be 160x96 at least"),
    ],
)
def test_a_recipe_that_cannot_be_followed_is_told_before_the_first_step(more, tmp_path, changes, sentence):
    plan = replace(PLAN, **{"network": replace(SMALL, history=True), "pairs": "mine", **changes})
    with pytest.raises(ValueError, match=sentence):
        train.train(plan, data=more, out=tmp_path)
    assert not (tmp_path / "checkpoint.pt").exists()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--device", "gpu"], 'training: the device "gpu" cannot be used here'),
        (["--init", "plan.toml"], r"training: plan\.toml is not a checkpoint"),
        (["--threads", "0"], '"0" must be a whole number, 1 or more'),
        (["--data", "nowhere"], "training: there is no nowhere"),
        (["--out", "plan.toml"], r"training: plan\.toml: "),
    ],
)
def test_a_mistake_on_the_command_line_is_one_sentence(data, tmp_path, monkeypatch, capsys, words, sentence):
    write_plan(tmp_path, "steps = 1")
    monkeypatch.chdir(tmp_path)
    usual = ["--data", str(data), "--out", "out", "--device", "cpu"]
    monkeypatch.setattr(sys, "argv", ["train", "plan.toml", *usual, *words])
    with pytest.raises(SystemExit) as stopped:
        train.main()
    told = capsys.readouterr().err + str(stopped.value.code)
    assert re.search(sentence, told), told
