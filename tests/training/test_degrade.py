import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

from training import degrade


@pytest.fixture(scope="module")
def cameras(tmp_path_factory) -> list[degrade.Camera]:
    """A file of the calibration's form, with one camera of two profiles."""
    fit = {"slope": 0.6, "bias": 1.5, "sigma": 0.2}
    row = {"slope": 0.5, "bias": -0.8, "sigma": 0.2}
    profile = {"g_scale": fit, "R_scale": row, "G_scale": fit}
    path = tmp_path_factory.mktemp("noise") / "cameras.json"
    path.write_text(json.dumps({"Made": {"Kmin": 0.2, "Kmax": 14.0, "Profile-1": profile, "Profile-2": profile}}))
    return degrade.cameras(path)


def picture() -> degrade.Rgb:
    """Flat patches from dark to bright, in colour."""
    steps = np.linspace(20, 250, 12, dtype=np.uint8)
    grey = np.kron(steps.reshape(3, 4), np.ones((32, 32), np.uint8))
    return np.dstack([grey, grey // 2 + 60, 255 - grey])


def test_every_profile_of_the_calibration_is_a_camera(cameras):
    assert [c.name for c in cameras] == ["Made/Profile-1", "Made/Profile-2"]


def test_darkening_takes_light_away_and_keeps_the_picture(cameras):
    clean = picture()
    for seed in range(20):
        dark = degrade.darken(clean, np.random.default_rng(seed), cameras)
        assert dark.shape == clean.shape
        assert dark.dtype == np.uint8
        assert dark.mean() < 0.9 * clean.mean()
        a, b = (
            cv2.resize(p.mean(axis=2), None, fx=1 / 8, fy=1 / 8, interpolation=cv2.INTER_AREA) for p in (dark, clean)
        )
        assert np.corrcoef(a.ravel(), b.ravel())[0, 1] > 0.5, "noise may hide a pixel, but no patch"


def test_the_same_seed_gives_the_same_picture(cameras):
    a, b = (degrade.darken(picture(), np.random.default_rng(4), cameras) for _ in range(2))
    assert np.array_equal(a, b)


def test_frames_of_a_clip_share_their_exposure_and_not_their_noise(cameras):
    rng = np.random.default_rng(1)
    shot = degrade.Shot.draw(rng, cameras)
    a, b = (shot.take(degrade.to_linear(picture()), rng).astype(float) for _ in range(2))
    assert abs(a.mean() - b.mean()) < 0.5
    assert np.abs(a - b).mean() > 0.1


def test_shot_noise_grows_with_the_root_of_the_signal_and_read_noise_stays():
    rng = np.random.default_rng(0)
    flat = np.ones((400, 400, 3), np.float32)
    gain = degrade.Gain(k=4.0, read=10.0, row=0.0, share=1.0)
    for signal in (0.0, 0.1, 0.4):
        noise = (gain.add_noise(signal * flat, rng) - signal) * degrade.FULL_WELL
        assert noise.std() == pytest.approx((4.0 * signal * degrade.FULL_WELL + 100) ** 0.5, rel=0.01)


def test_noise_of_a_grain_is_alike_in_neighbouring_pixels():
    rng = np.random.default_rng(0)
    flat = np.full((121, 80, 3), 0.2, np.float32)
    gain = degrade.Gain(k=4.0, read=10.0, row=0.0, share=1.0)
    for grain, least, most in ((1.0, -0.05, 0.05), (3.0, 0.7, 1.0)):
        noise = gain.add_noise(flat, rng, grain=grain) - flat
        assert least < np.corrcoef(noise[1:].ravel(), noise[:-1].ravel())[0, 1] < most


def test_a_sensor_whose_colours_overlap_sees_the_same_colours_with_more_noise(cameras):
    rng = np.random.default_rng(0)
    shot = replace(
        degrade.Shot.draw(rng, cameras), ratio=1.0, shade=None, cast=np.ones(3, np.float32), black=0.0, blur=0.0,
        gamma=None, quality=None, crf=None,
    )  # fmt: skip
    noise: list[float] = []
    for matrix in (np.eye(3, dtype=np.float32), degrade.MATRIX):
        of_it = replace(shot, matrix=matrix)
        clean = replace(of_it, gain=replace(shot.gain, share=0.0)).take(degrade.to_linear(picture()), rng)
        assert np.abs(clean.astype(int) - picture()).max() <= 1
        noise.append(np.std(of_it.take(degrade.to_linear(picture()), rng).astype(float) - clean))
    assert noise[1] > 1.1 * noise[0]


def test_a_share_of_the_shots_is_grainy_where_that_is_asked_for(cameras):
    grains = [degrade.Shot.draw(np.random.default_rng(n), cameras, grainy=0.4).grain for n in range(200)]
    assert 0.3 < np.mean([grain > 1 for grain in grains]) < 0.5
    assert max(grains) <= degrade.GRAIN
    assert all(degrade.Shot.draw(np.random.default_rng(n), cameras).grain == 1 for n in range(20))


def test_a_bright_picture_stays_as_bright(cameras):
    for seed in range(20):
        out = degrade.mild(picture(), np.random.default_rng(seed), cameras)
        assert abs(float(out.mean()) - picture().mean()) < 2


def test_a_well_lit_clip_is_as_bright_as_the_scene_and_has_its_colours(cameras):
    for seed in range(10):
        rng = np.random.default_rng(seed)
        clip = degrade.Shot.draw(rng, cameras).well_lit(rng).film([degrade.to_linear(picture())] * 3, rng)
        for frame in clip:
            assert np.abs(frame.mean(axis=(0, 1)) - picture().mean(axis=(0, 1))).max() < 3


def test_small_sensors_have_more_noise_than_those_that_were_calibrated_and_small_pictures_less(cameras):
    shares = [degrade.Shot.draw(np.random.default_rng(seed), cameras).gain.share for seed in range(200)]
    assert degrade.SHARES[0] <= min(shares) < 0.3
    assert 9 < max(shares) <= degrade.SHARES[1]


def test_no_light_gives_nearly_black(cameras):
    for seed in range(20):
        assert degrade.lightless(picture(), np.random.default_rng(seed), cameras).mean() < 25


def test_a_clip_through_h264_keeps_its_frames_and_their_brightness(cameras):
    rng = np.random.default_rng(3)
    shot = replace(degrade.Shot.draw(rng, cameras), ratio=3.0, shade=None, quality=None, crf=None)
    light = degrade.to_linear(picture())
    plain, coded = shot.film([light] * 4, rng), replace(shot, crf=30).film([light] * 4, rng)
    assert len(plain) == len(coded) == 4
    for a, b in zip(plain, coded, strict=True):
        assert abs(float(a.mean()) - b.mean()) < 1.5
        assert 0.2 < np.abs(a.astype(float) - b).mean() < 12, "compression changes something, and not everything"


def test_lamps_only_add_light_and_some_of_it_is_beyond_white():
    light = degrade.to_linear(picture())
    for seed in range(10):
        lit = degrade.light_lamps(light, np.random.default_rng(seed))
        assert (lit >= light - 1e-6).all()
        assert lit.max() > 1.4


def test_the_camera_of_validation_is_noisier_than_any_of_training_can_be_at_its_best(cameras):
    rng = np.random.default_rng(0)
    gain = degrade.Gain.draw(rng, [degrade.UNSEEN], share=1.0)
    assert gain.row == 0, "its calibration has no row noise"
    assert 1.5 < gain.k < 190
    assert gain.read > 0


@pytest.mark.parametrize("text", ["", "[]", '{"a": 1}', '{"a": {"Profile-1": {}}}', "{}"])
def test_a_damaged_calibration_is_named(tmp_path, text):
    (tmp_path / "cameras.json").write_text(text)
    with pytest.raises(ValueError, match=r"cameras\.json (is no calibration|has no camera) .*; get it again"):
        degrade.cameras(tmp_path / "cameras.json")
