import cv2
import numpy as np

from training.datasets import BAD_PAIRS, HELD_OUT, Planes, Samples, clean_pictures, lol_numbers, validation
from training.recipe import Mixture, Recipe

RECIPE = Recipe(name="test", clean=("photos",), mixture=Mixture(pairs=1, dark=1, bright=1, black=1))


def test_training_and_validation_scenes_do_not_meet_and_bad_pairs_are_in_neither(data):
    train, held_out = lol_numbers(data, held_out=False), lol_numbers(data, held_out=True)
    assert train == [1, 2, 3, 40, 41, 100]
    assert held_out == [60, 61, 62]
    assert not BAD_PAIRS & {*train, *held_out}
    for number in held_out:
        assert all(abs(number - other) > 5 for other in train), "neighbouring numbers are one scene"
        assert any(number in run for run in HELD_OUT)


def test_validation_is_made_with_a_camera_that_training_never_uses(data):
    recipe = Recipe(name="test", clean=("photos",), unseen_camera="Unseen")
    assert [c.name for c in Samples(recipe, data).cameras] == ["Made/Profile-1"]
    first, again = (validation(recipe, data) for _ in range(2))
    assert sorted(first) == ["made", "pairs"]
    assert len(first["pairs"]) == 3
    assert all(np.array_equal(a, b) for a, b in zip(first["made"][0], again["made"][0], strict=True))


def test_a_step_gives_the_same_batch_whenever_it_is_asked_for(data):
    a = Samples(RECIPE, data).batch(7, size=6, crop=(32, 48))
    samples = Samples(RECIPE, data)
    samples.batch(3, size=6, crop=(32, 48))
    b = samples.batch(7, size=6, crop=(32, 48))
    assert all(np.array_equal(p, q) for p, q in zip(a, b, strict=True))
    assert not np.array_equal(a[0], samples.batch(8, size=6, crop=(32, 48))[0])


def test_batches_are_planes_in_4_2_0(data):
    batch = Samples(RECIPE, data).batch(0, size=5, crop=(32, 48))
    assert [p.shape for p in batch] == 2 * [(5, 1, 32, 48), (5, 1, 16, 24), (5, 1, 16, 24)]
    assert all(p.dtype == np.uint8 for p in batch)


def test_dark_and_bright_show_the_same_place(data):
    recipe = Recipe(name="test", mixture=Mixture(pairs=1, dark=0, bright=0, black=0))
    dark, _, _, bright, _, _ = Samples(recipe, data).batch(1, size=8, crop=(48, 48))
    for low, high in zip(dark, bright, strict=True):
        assert np.corrcoef(low.ravel(), high.ravel())[0, 1] > 0.8  # the rest is noise


def test_pictures_too_dark_to_be_a_goal_are_left_out(data, tmp_path):
    assert len(Samples(RECIPE, data).clean) == 3
    (tmp_path / "night").mkdir()
    cv2.imwrite(str(tmp_path / "night/1.png"), np.full((64, 64, 3), 20, np.uint8))
    assert sum(1 for _ in clean_pictures(tmp_path, ("night",))) == 1
    (tmp_path / "sensor-noise").symlink_to(data / "sensor-noise")
    recipe = Recipe(name="test", clean=("night",), mixture=Mixture(pairs=0, dark=1, bright=0, black=0))
    assert Samples(recipe, tmp_path).clean == []


def test_planes_of_grey_have_neutral_chroma_and_mirrors_keep_their_shape():
    planes = Planes.of(np.full((10, 14, 3), 77, np.uint8))
    assert (planes.y == 77).all()
    assert (planes.u == 128).all()
    assert planes.turned(True, True).v.shape == (5, 7)
