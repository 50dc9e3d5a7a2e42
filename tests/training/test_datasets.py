from dataclasses import replace

import cv2
import numpy as np
import pytest

from training import degrade
from training.datasets import Samples, clean_pictures, validation, varied
from training.pairs import BAD_PAIRS, HELD_OUT, SHIFTED, aligned, lol_numbers, training_pairs, validation_pairs
from training.planes import Planes
from training.recipe import Mixture, Recipe

RECIPE = Recipe(
    name="test", crop=(32, 48), last_steps=0, clean=("photos",), mixture=Mixture(pairs=1, dark=1, bright=1, black=1)
)


def test_training_and_validation_scenes_do_not_meet_and_bad_pairs_are_in_neither(data):
    train, held_out = lol_numbers(data, held_out=False), lol_numbers(data, held_out=True)
    assert train == [1, 2, 3, 40, 41, 100]
    assert held_out == [60, 61, 62]
    assert not BAD_PAIRS & {*train, *held_out}
    for number in held_out:
        assert all(abs(number - other) > 5 for other in train), "neighbouring numbers are one scene"
        assert any(number in run for run in HELD_OUT)


def test_validation_is_made_with_a_camera_that_training_never_uses(data):
    recipe = Recipe(name="test", crop=(32, 48), last_steps=0, clean=("photos",))
    assert degrade.UNSEEN not in Samples(recipe, data).cameras
    first, again = (validation(recipe, data) for _ in range(2))
    assert sorted(first) == ["made", "pairs"]
    assert len(first["pairs"]) == 3
    assert all(np.array_equal(a, b) for a, b in zip(first["made"][0], again["made"][0], strict=True))


def test_without_holding_out_validation_pairs_are_trained_on_and_bad_ones_still_are_not(data):
    folder = data / "lol-v1/train"
    assert len(training_pairs(folder, hold_out=True)) == 6
    everything = len(list((folder / "low").iterdir())) - sum((folder / f"low/{n}.png").exists() for n in BAD_PAIRS)
    assert len(training_pairs(folder, hold_out=False)) == everything


@pytest.mark.parametrize(("down", "right"), [(0, 0), (2, 1), (-2, 0), (1, -2)])
def test_a_pair_whose_camera_moved_is_laid_one_over_the_other(down, right):
    wall = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    high = wall[10:50, 10:70]
    low = wall[
        10 - down : 50 - down, 10 - right : 70 - right
    ]  # what high has at (y, x) it has at (y + down, x + right)
    ours, theirs = aligned(low, high, down, right)
    assert np.array_equal(ours, theirs)
    assert ours.shape == (40 - abs(down), 60 - abs(right), 3)


def test_pairs_that_are_laid_over_each_other_are_trained_on_and_the_wrong_ones_are_not():
    assert not BAD_PAIRS & set(SHIFTED)
    assert all(shift != (0, 0) for shift in SHIFTED.values())


def test_a_jittered_pair_has_another_brightness_the_same_colours_and_the_same_truth(data):
    plain = Recipe(
        name="test", crop=(32, 48), last_steps=0, clean=(), mixture=Mixture(pairs=1, dark=0, bright=0, black=0)
    )
    usual, other = (Samples(r, data).batch(3, size=1, crop=(64, 96)) for r in (plain, replace(plain, jitter=0.3)))
    assert all(np.array_equal(a, b) for a, b in zip(usual[3:], other[3:], strict=True))
    gain = other[0].mean() / usual[0].mean()
    assert abs(np.log(gain)) > 0.02
    for before, after in zip(usual[1:3], other[1:3], strict=True):
        assert after.mean() - 128 == pytest.approx(gain * (before.mean() - 128), abs=0.3)


def test_of_a_folder_of_your_own_the_last_tenth_is_for_validation(tmp_path):
    for kind, level in (("low", 10), ("high", 100)):
        (tmp_path / kind).mkdir()
        for i in range(20):
            cv2.imwrite(str(tmp_path / kind / f"{i:02}.png"), np.full((32, 32, 3), level + i, np.uint8))
    trained, held = training_pairs(tmp_path, hold_out=True), validation_pairs(tmp_path)
    assert len(trained) == 18
    assert [int(low[0, 0, 0]) for low, _ in held] == [28, 29]
    assert [int(high[0, 0, 0]) for _, high in held] == [118, 119]


def test_a_picture_without_its_partner_is_named(tmp_path):
    for kind, names in (("low", "ab"), ("high", "bc")):
        (tmp_path / kind).mkdir()
        for name in names:
            cv2.imwrite(str(tmp_path / kind / f"{name}.png"), np.zeros((32, 32, 3), np.uint8))
    with pytest.raises(ValueError, match="no partner for a, c"):
        training_pairs(tmp_path, hold_out=True)


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
    recipe = Recipe(name="test", crop=(32, 48), last_steps=0, mixture=Mixture(pairs=1, dark=0, bright=0, black=0))
    dark, _, _, bright, _, _ = Samples(recipe, data).batch(1, size=8, crop=(48, 48))
    for low, high in zip(dark, bright, strict=True):
        assert np.corrcoef(low.ravel(), high.ravel())[0, 1] > 0.8  # the rest is noise


def test_a_varied_picture_has_other_colours_and_contrast_and_shows_the_same():
    picture = cv2.resize(np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8), (64, 48))
    others = [varied(picture, np.random.default_rng(seed)) for seed in range(20)]
    means = [other.mean() for other in others]
    assert max(means) - min(means) > 20
    for other in others:
        assert other.dtype == np.uint8
        assert np.corrcoef(other.ravel(), picture.ravel())[0, 1] > 0.8


def test_noise_is_as_strong_as_the_recipe_says(data):
    quiet, loud = (
        replace(RECIPE, mixture=Mixture(pairs=0, dark=1, bright=0, black=0), noise=noise)
        for noise in ((0.01, 0.02), (10.0, 20.0))
    )
    calm, rough = (Samples(r, data).batch(0, size=6, crop=(48, 64))[0].astype(float) for r in (quiet, loud))
    assert np.abs(np.diff(rough)).mean() > 2 * np.abs(np.diff(calm)).mean()


def test_clean_pictures_are_whole_large_enough_and_not_hidden(tmp_path):
    (tmp_path / "own").mkdir()
    cv2.imwrite(str(tmp_path / "own/a.jpg"), np.full((64, 2048, 3), 90, np.uint8))
    (tmp_path / "own/._a.jpg").write_bytes(b"of another system")
    assert [picture.shape for picture in clean_pictures(tmp_path, ("own",))] == [(32, 1024, 3)]
    cv2.imwrite(str(tmp_path / "own/b.png"), np.full((1, 4000, 3), 90, np.uint8))
    with pytest.raises(ValueError, match=r"b\.png is 4000x1; here a picture must be 64x64 at least: leave it out"):
        list(clean_pictures(tmp_path, ("own",)))
    data = (tmp_path / "own/a.jpg").read_bytes()
    (tmp_path / "own/a.jpg").write_bytes(data[: len(data) // 2])
    with pytest.raises(ValueError, match=r"a\.jpg is no readable picture; leave it out, or get it again"):
        list(clean_pictures(tmp_path, ("own",)))


def test_pictures_too_dark_to_be_a_goal_are_left_out(data, tmp_path):
    assert len(Samples(RECIPE, data).clean) == 3
    (tmp_path / "night").mkdir()
    cv2.imwrite(str(tmp_path / "night/1.png"), np.full((64, 64, 3), 20, np.uint8))
    assert sum(1 for _ in clean_pictures(tmp_path, ("night",))) == 1
    (tmp_path / "sensor-noise").symlink_to(data / "sensor-noise")
    recipe = Recipe(
        name="test", crop=(32, 48), last_steps=0, clean=("night",), mixture=Mixture(pairs=0, dark=1, bright=0, black=0)
    )
    with pytest.raises(ValueError, match="no bright picture in night"):
        Samples(recipe, tmp_path)


def test_planes_of_grey_have_neutral_chroma_and_mirrors_keep_their_shape():
    planes = Planes.of(np.full((10, 14, 3), 77, np.uint8))
    assert (planes.y == 77).all()
    assert (planes.u == 128).all()
    assert planes.turned(True, True).v.shape == (5, 7)
