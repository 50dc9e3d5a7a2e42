import numpy as np
import torch

from streamllie.models.network import Network, NetworkSize
from training import random_clips
from training.datasets import Samples
from training.recipe import Mixture, Recipe
from training.train import clip_loss, to_float

RECIPE = Recipe(name="test", clean=("photos",), mixture=Mixture(pairs=0, dark=1, bright=0, black=0))


def picture(seed: int, height: int = 80, width: int = 110) -> np.ndarray:
    return np.random.default_rng(seed).integers(60, 255, (height, width, 3), dtype=np.uint8)


def test_clips_are_planes_of_each_frame_and_the_same_whenever_they_are_asked_for(data):
    clips = Samples(RECIPE, data).clips(4, size=2, frames=3, crop=(48, 64))
    assert [c.shape for c in clips] == 2 * [(3, 2, 1, 48, 64), (3, 2, 1, 24, 32), (3, 2, 1, 24, 32)]
    again = Samples(RECIPE, data).clips(4, size=2, frames=3, crop=(48, 64))
    assert all(np.array_equal(a, b) for a, b in zip(clips, again, strict=True))


def test_every_frame_of_a_clip_is_darker_than_its_truth_and_shows_the_same(data):
    dark, _, _, truth, _, _ = Samples(RECIPE, data).clips(1, size=3, frames=4, crop=(48, 64))
    for low, high in zip(dark.reshape(-1, 48 * 64), truth.reshape(-1, 48 * 64), strict=True):
        assert low.mean() < high.mean()
        assert np.corrcoef(low, high)[0, 1] > 0.5


def test_where_a_recipe_has_well_lit_pictures_some_clips_are_well_lit(data):
    recipe = Recipe(name="test", clean=("photos",), mixture=Mixture(pairs=0, dark=1, bright=1, black=0))
    dark, _, _, truth, _, _ = Samples(recipe, data).clips(2, size=24, frames=2, crop=(48, 64))
    well_lit = [abs(float(low.mean()) - high.mean()) < 5 for low, high in zip(dark[0], truth[0], strict=True)]
    assert 1 <= sum(well_lit) <= 12


def test_some_cameras_stand_still_and_some_move():
    still = panned = 0
    for seed in range(40):
        clip = random_clips.move(picture(1), picture(2), np.random.default_rng(seed), frames=3, height=48, width=64)
        share = np.mean([np.array_equal(a, b) for a, b in zip(clip[0], clip[1], strict=True)])  # of rows
        still += share > 0.2
        panned += share < 0.02
    assert still > 5
    assert panned > 5


def test_light_wanders_around_one():
    paths = [random_clips.light_path(np.random.default_rng(seed), 30) for seed in range(30)]
    assert any((path == 1).all() for path in paths)
    assert any(path.std() > 0.02 for path in paths)
    assert all(0.8 < path.min() <= path.max() < 1.2 for path in paths)


def test_the_loss_of_a_clip_reaches_the_gate_that_decides_what_is_remembered(data):
    torch.manual_seed(0)
    network = Network(NetworkSize(fine=8, coarse=8, deep=8, adr_m=2, adr_d=4, history=True))
    planes = to_float(Samples(RECIPE, data).clips(0, size=1, frames=3, crop=(32, 48)))
    clip_loss(network, planes, RECIPE).backward()
    assert network.history is not None
    assert network.history.weigh.weight.grad is not None
    assert network.history.weigh.weight.grad.abs().max() > 0
