from dataclasses import replace

import numpy as np

from training import datasets
from training.datasets import Samples
from training.foreground import put_before
from training.recipe import Mixture, Recipe

RECIPE = Recipe(name="test", clean=("photos",), mixture=Mixture(pairs=0, dark=0, bright=1, black=0))


def grey(value: int) -> np.ndarray:
    return np.full((60, 80, 3), value, np.uint8)


def test_a_thing_is_mostly_darker_and_sometimes_paler_and_what_is_beside_it_stays_to_the_code():
    darker = paler = 0
    for seed in range(60):
        mixed = put_before(grey(128), grey(128), np.random.default_rng(seed)).astype(int)
        covered = (mixed != 128).any(axis=2)
        assert 0.01 < covered.mean() < 0.9
        assert (mixed == mixed[:, :, :1]).all(), "a grey thing stays grey"
        darker += bool((mixed < 128).any())
        paler += bool((mixed > 128).any())
    assert darker + paler == 60, "never both"
    assert paler < darker
    assert paler > 0


def test_it_is_a_piece_of_the_other_picture():
    stripes = grey(60)
    stripes[::2] = 250
    mixed = put_before(grey(128), stripes, np.random.default_rng(3)).astype(int)
    covered = (mixed != 128).any(axis=2)
    middle = np.argwhere(covered).mean(axis=0).astype(int)
    rows = mixed[middle[0] - 4 : middle[0] + 4, middle[1], 0]
    assert (np.abs(np.diff(rows)) > 10).all()


def test_the_share_of_a_recipe_decides_how_many_pictures_have_one(data):
    plain = Samples(RECIPE, data).batch(1, size=12, crop=(48, 64))
    covered = Samples(replace(RECIPE, foreground=1.0), data).batch(1, size=12, crop=(48, 64))
    again = Samples(replace(RECIPE, foreground=1.0), data).batch(1, size=12, crop=(48, 64))
    assert all(np.array_equal(a, b) for a, b in zip(covered, again, strict=True))
    assert not np.array_equal(plain[3], covered[3])


def test_a_half_of_the_pictures_have_one_where_the_share_is_a_half(data, monkeypatch):
    count = 0

    def counted(*args):
        nonlocal count
        count += 1
        return put_before(*args)

    monkeypatch.setattr(datasets, "put_before", counted)
    dark = Mixture(pairs=0, dark=1, bright=0, black=0)
    Samples(replace(RECIPE, foreground=0.5, mixture=dark), data).batch(1, size=60, crop=(32, 48))
    assert 15 < count < 45


def test_a_folder_that_is_named_twice_comes_twice_and_is_read_once(data):
    once, twice = (Samples(replace(RECIPE, clean=("photos",) * n), data).clean for n in (1, 2))
    assert len(twice) == 2 * len(once)
    assert len({id(picture) for picture in twice}) == len(once)
