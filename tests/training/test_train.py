import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from streamllie.models.checkpoint import load
from streamllie.models.memory import Memory
from streamllie.models.network import Network
from tests.models.networks import SMALL, lively_network
from training import recipe
from training.checkpoints import grow
from training.recipe import Mixture, Recipe
from training.train import learning_rate, prepare, train

ROOT = Path(__file__).parents[2]

PLAN = Recipe(
    name="test",
    network=SMALL,
    clean=("photos",),
    mixture=Mixture(pairs=1, dark=1, bright=1),
    steps=6,
    batch=2,
    crop=(32, 48),
    last_steps=2,
    last_crop=(64, 64),
    last_batch=1,
    validate_every=3,
    warmup=2,
)


def weights(path):
    return torch.load(path, weights_only=True)["network"]


def write_plan(folder, more, *, network=""):
    """A small recipe as a file for `run_plan`: its own keys and tables, and those of its network."""
    common = 'clean = ["photos"]\nbatch = 2\ncrop = [32, 48]\nlast_steps = 0'
    (folder / "plan.toml").write_text(f"{common}\n{more}\n[network]\nfine = 8\ncoarse = 8\ndeep = 8\n{network}\n")


def run_plan(folder, data, *options, launcher=()):
    """Train `plan.toml` of a folder in a process of its own: workers are copies of the one that starts them."""
    command = [sys.executable, *launcher, "-m", "training.train", "plan.toml", "--data", str(data), "--device", "cpu"]
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run(
        [*command, *options], cwd=folder, env=env, check=False, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory) -> Path:
    """The checkpoint of a whole run of `PLAN`, in its folder."""
    return train(PLAN, data=data, out=tmp_path_factory.mktemp("trained"))


def test_a_run_writes_a_checkpoint_with_its_recipe_and_a_log(trained):
    saved = torch.load(trained, weights_only=True)
    assert saved["step"] == 6
    assert recipe.build(saved["recipe"]) == PLAN
    rows = trained.with_name("log.csv").read_text().splitlines()
    assert rows[0].startswith("step,loss,psnr_pairs,psnr_made")
    assert [row.split(",")[0] for row in rows[1:]] == ["3", "6"]
    assert all(math.isfinite(float(cell)) for cell in rows[-1].split(","))


def test_a_part_is_trained_alone_and_the_rest_stays_to_the_bit(trained, data, tmp_path):
    size = replace(SMALL, history=True)
    plan = replace(PLAN, network=size, only="history.", frozen_steps=6, clips=1.0, clip_crop=(32, 32), clip_frames=3)
    second = train(plan, data=data, out=tmp_path, init=[trained])
    before = torch.load(trained, weights_only=True)["average"]
    after = torch.load(second, weights_only=True)["average"]
    for name, value in before.items():  # the stem has an input more: how far the history is sure
        assert torch.equal(after[name][tuple(slice(n) for n in value.shape)], value), name
    torch.manual_seed(plan.seed)
    begun = Network(size).state_dict()
    assert any(not torch.equal(after[name], begun[name]) for name in after if name.startswith("history."))


def test_a_part_that_is_kept_stays_to_the_bit_and_the_rest_is_trained(data, tmp_path):
    size = replace(SMALL, history=True)
    plan = replace(PLAN, network=size, kept="history.", clips=0.5, clip_crop=(32, 32), clip_frames=3, last_steps=0)
    torch.manual_seed(plan.seed)
    begun = {name: value.clone() for name, value in Network(size).state_dict().items()}
    trained = weights(train(plan, data=data, out=tmp_path))
    same = {name for name, value in begun.items() if torch.equal(trained[name], value)}
    assert {name for name in begun if name.startswith("history.")} <= same
    assert "stem.weight" not in same


def test_of_several_beginnings_a_later_one_replaces_what_it_has_itself(data, tmp_path):
    plain = replace(PLAN, steps=1, frozen_steps=1, learning_rate=0.0)
    gated = replace(plain, network=replace(SMALL, history=True))
    gate = train(gated, data=data, out=tmp_path / "gate")
    rest = train(replace(plain, seed=2), data=data, out=tmp_path / "rest")
    both = train(replace(gated, seed=3), data=data, out=tmp_path / "both", init=[gate, rest])
    weights = {path: torch.load(path, weights_only=True)["average"] for path in (gate, rest, both)}
    for name, value in weights[both].items():
        source = weights[gate if name.startswith("history.") else rest][name]
        assert torch.equal(value[tuple(slice(n) for n in source.shape)], source), name


def test_a_part_to_keep_that_is_none_is_named(data, tmp_path):
    with pytest.raises(ValueError, match='kept is "nope", and no weight has a name that begins so; its parts are '):
        train(replace(PLAN, kept="nope"), data=data, out=tmp_path)


def test_a_resumed_run_ends_where_an_uninterrupted_one_does(trained, data, tmp_path, capsys):
    class StoppedError(Exception):
        """As if the machine went down."""

    out = tmp_path / "resumed"
    with pytest.MonkeyPatch.context() as patch:

        def stop(self, **row):
            raise StoppedError

        patch.setattr("training.train.Log.write", stop)
        with pytest.raises(StoppedError):  # at the first log line, after three steps
            train(PLAN, data=data, out=out)
    assert torch.load(out / "checkpoint.pt", weights_only=True)["step"] == 3, "it is saved before it is told"
    resumed = train(PLAN, data=data, out=out)

    ends = weights(resumed)
    for name, value in weights(trained).items():
        assert torch.allclose(value, ends[name], atol=1e-5), name

    capsys.readouterr()
    train(replace(PLAN, seed=7), data=data, out=out)
    assert capsys.readouterr().out == (
        f"training: {resumed} was begun with another seed; it goes on with this recipe's\n"
        f"training: {resumed} has all of its {PLAN.steps} steps; for more, raise `steps` or take another --out\n"
    )


def test_workers_make_the_same_batches(data, tmp_path):
    write_plan(tmp_path, "steps = 3\nclips = 0.5\nclip_crop = [32, 32]\nclip_frames = 3", network="history = true")
    run_plan(tmp_path, data, "--out", "helped", "--workers", "2")
    alone = weights(train(recipe.read(tmp_path / "plan.toml"), data=data, out=tmp_path / "alone"))
    helped = weights(tmp_path / "helped/checkpoint.pt")
    assert all(torch.equal(value, helped[name]) for name, value in alone.items())


def test_the_curves_of_a_run_are_drawn(trained):
    picture = cv2.imread(str(trained.with_name("curves.png")))
    assert picture.shape[0] > 300
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 20, "lines, not an empty page"


@pytest.mark.parametrize("size", [replace(SMALL, details=2, tone=48), replace(SMALL, fine=12, details=2)])
def test_a_larger_network_starts_as_the_smaller_one(size, trained):
    large = Network(size).eval()
    grow(large, torch.load(trained, weights_only=True)["average"])
    planes = torch.rand(1, 1, 32, 32) / 5, torch.rand(1, 1, 16, 16) / 9, torch.rand(1, 1, 16, 16) / 9
    with torch.no_grad():
        for detail in list(large.detail)[1:]:
            detail.scale.zero_()  # the new step alone
        for a, b in zip(large(*planes, Memory()), load(trained)(*planes, Memory()), strict=True):
            assert torch.allclose(a, b, atol=1e-5)


def test_a_network_that_learns_to_see_the_grain_starts_as_one_that_does_not():
    size = replace(SMALL, history=True, noise_map=True)
    small, large = lively_network(size), Network(replace(size, grain=True)).eval()
    grow(large, small.state_dict())
    planes = torch.rand(1, 1, 32, 32) / 5, torch.rand(1, 1, 16, 16) / 9, torch.rand(1, 1, 16, 16) / 9
    results: list[tuple[torch.Tensor, ...]] = []
    with torch.no_grad():
        for network in (small, large):
            memory = Memory()
            network(*planes, memory)
            results.append(network(*planes, Memory(memory.next_state(), torch.full((1, 1), 0.8), memory.next_history)))
    for a, b in zip(*results, strict=True):
        assert torch.allclose(a, b, atol=1e-5)


def test_a_network_does_not_start_from_a_larger_one():
    large = Network(replace(SMALL, coarse=16)).state_dict()
    with pytest.raises(ValueError, match=r"down\.weight .* is \[16, 8, 2, 2\], and here \[8, 8, 2, 2\]: .*not smaller"):
        grow(Network(SMALL), large)


def test_two_processes_train_one_network(data, tmp_path):
    write_plan(tmp_path, "steps = 4\nvalidate_every = 2\nautocast = true\n[mixture]\npairs = 1")
    torchrun = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    run_plan(tmp_path, data, "--out", "out", launcher=torchrun)
    rows = (tmp_path / "out/log.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows[1:]] == ["2", "4"], "one process alone writes"
    assert torch.load(tmp_path / "out/checkpoint.pt", weights_only=True)["step"] == 4


def test_training_goes_downhill(data, tmp_path):
    plan = replace(PLAN, steps=60, last_steps=0, validate_every=10, mixture=Mixture(pairs=1, dark=0, bright=0, black=0))
    train(plan, data=data, out=tmp_path)
    losses = [float(row.split(",")[1]) for row in (tmp_path / "log.csv").read_text().splitlines()[1:]]
    assert losses[-1] < losses[0]


def test_fine_tuning_starts_from_the_averaged_weights(trained, data, tmp_path):
    still = replace(PLAN, steps=1, frozen_steps=1, learning_rate=0.0, seed=9)
    tuned = train(still, data=data, out=tmp_path, init=[trained])
    before, after = (torch.load(path, weights_only=True)["average"] for path in (trained, tuned))
    assert all(torch.equal(value, after[name]) for name, value in before.items())


def test_what_a_step_draws_depends_on_its_number_alone():
    optimiser = torch.optim.SGD([torch.zeros(1)])

    def drawn(step: int) -> list[float]:
        prepare(optimiser, PLAN, step, 0)
        return torch.rand(3).tolist()

    first, second = drawn(3), drawn(4)
    assert first != second
    assert drawn(3) == first, "as in a run that is resumed there"


def test_the_learning_rate_warms_up_and_ends_at_a_hundredth():
    plan = replace(PLAN, steps=100, warmup=10)
    rates = [learning_rate(plan, step) for step in range(101)]
    assert rates[0] == pytest.approx(plan.learning_rate / 10)
    assert max(rates) == pytest.approx(plan.learning_rate)
    assert rates[100] == pytest.approx(plan.learning_rate / 100)
