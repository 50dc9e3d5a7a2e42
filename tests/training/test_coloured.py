from dataclasses import replace

import numpy as np

from training import datasets
from training.coloured import in_coloured_light
from training.datasets import Samples
from training.planes import LUMA, Rgb
from training.recipe import Mixture, Recipe

RECIPE = Recipe(name="test", clean=("photos",), mixture=Mixture(pairs=0, dark=0, bright=1, black=0))


def grey(value: int) -> Rgb:
    return np.full((60, 80, 3), value, np.uint8)


def seen_in_60_lights(rgb: Rgb) -> list[np.ndarray]:
    return [in_coloured_light(rgb, np.random.default_rng(seed)).astype(int) for seed in range(60)]


def test_what_is_grey_takes_the_colour_of_the_light_and_all_kinds_of_colours_come():
    corners = [lit[0, 0] for lit in seen_in_60_lights(grey(120))]
    assert {int(corner.argmax()) for corner in corners} == {0, 1, 2}
    assert sum(np.ptp(corner) > 30 for corner in corners) > 50


def test_it_is_light_and_no_filter_so_little_of_the_brightness_goes():
    for lit in seen_in_60_lights(grey(120)):
        assert 45 < (lit @ LUMA).mean() < 150


def test_black_stays_black_and_what_is_brighter_stays_brighter():
    for black, dim, bright in zip(*(seen_in_60_lights(grey(value)) for value in (0, 60, 120)), strict=True):
        assert not black.any()
        assert (dim @ LUMA < bright @ LUMA).all()


def test_half_of_the_pictures_have_two_lamps_that_blend_without_an_edge():
    two = 0
    for lit in seen_in_60_lights(grey(120)):
        two += bool((lit != lit[0, 0]).any())
        assert np.abs(np.diff(lit, axis=0)).max() < 30
        assert np.abs(np.diff(lit, axis=1)).max() < 30
    assert 15 < two < 45


def test_the_target_has_that_colour_too_and_the_share_of_a_recipe_decides_how_often(data, monkeypatch):
    count = 0

    def red(rgb, rng):
        nonlocal count
        count += 1
        return rgb * np.array([1, 0, 0], np.uint8)

    monkeypatch.setattr(datasets, "in_coloured_light", red)
    *_, u, v = Samples(replace(RECIPE, coloured=0.5), data).batch(1, size=60, crop=(32, 48))
    assert 15 < count < 45
    assert (((u < 128) & (v > 128)).all(axis=(1, 2, 3))).sum() == count
