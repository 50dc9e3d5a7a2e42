"""The temporal metrics, on made-up videos whose right value is known."""

import cv2
import numpy as np
import pytest

from training import temporal_metrics as metrics
from training.motion import Motion

HEIGHT, WIDTH = 96, 128


def texture(seed: int = 0, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """A picture with soft structure everywhere, so that a flow can be found."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(30, 220, (height // 8 + 2, width // 8 + 2, 3))
    fine = coarse.repeat(8, axis=0).repeat(8, axis=1)[:height, :width]
    return (0.8 * fine + 0.2 * rng.integers(30, 220, fine.shape)).astype(np.uint8)


def shifted(frames, levels):
    return [np.clip(frame + float(level), 0, 255).astype(np.uint8) for frame, level in zip(frames, levels, strict=True)]


def square_passes(n: int) -> np.ndarray:
    """A bright square on a dark texture, four pixels to the right in each frame."""
    frame = texture(1) // 4
    frame[32:64, 20 + 4 * n : 52 + 4 * n] = 128 + texture(2, 32, 32) // 4
    return frame


def test_a_swing_of_two_levels_is_a_flicker_of_two_levels():
    truth = [texture()] * 10
    found = metrics.flicker(shifted(truth, [2, -2] * 5), truth)
    assert found.whole == pytest.approx(2, abs=1e-3)
    assert found.cell == pytest.approx(2, abs=1e-3)


def test_a_constant_error_of_brightness_is_no_flicker():
    truth = [texture(n) // 2 for n in range(6)]
    assert metrics.flicker(shifted(truth, [20] * 6), truth).whole == pytest.approx(0, abs=1e-3)


def test_a_cell_that_flickers_alone_is_found():
    truth = [texture() // 2] * 8
    frames = [frame.copy() for frame in truth]
    for n, frame in enumerate(frames):
        frame[12:24, 16:32] += 8 * (n % 2)  # the second cell of the second row
    found = metrics.flicker(frames, truth)
    assert found.cell == pytest.approx(4, abs=0.01)
    assert found.whole == pytest.approx(4 / 64, abs=0.01)


def test_what_moves_with_the_truth_has_no_warping_error():
    wide = cv2.GaussianBlur(texture(0, HEIGHT, 2 * WIDTH), (0, 0), 2)
    truth = [np.ascontiguousarray(wide[:, 2 * n : 2 * n + WIDTH]) for n in range(6)]
    motion = metrics.flows(truth)
    assert np.mean([flow.seen.mean() for flow in motion]) > 0.9
    assert metrics.warping_error(truth, motion) < 1.5
    # alternating brightness is seen whole, whatever moves
    assert metrics.warping_error(shifted(truth, [0, 8] * 3), motion) == pytest.approx(8, abs=1)


def test_fresh_noise_on_a_still_gives_its_deviation_times_root_two():
    rng = np.random.default_rng(0)
    truth = [np.full((HEIGHT, WIDTH, 3), 100, np.uint8) + texture() // 8] * 6
    noisy = [(f + rng.normal(0, 5, f.shape[:2])[:, :, None].round()).astype(np.uint8) for f in truth]
    assert metrics.warping_error(noisy, metrics.flows(truth)) == pytest.approx(5 * 2**0.5, rel=0.05)


def test_a_trail_is_an_error_where_something_was_and_the_truth_has_none():
    truth = [square_passes(n) for n in range(10)]
    smeared = [truth[0]]
    for frame in truth[1:]:
        smeared.append((0.7 * smeared[-1] + 0.3 * frame).astype(np.uint8))
    assert metrics.trail_error(truth, truth, rate=30) == 0
    assert metrics.trail_error(smeared, truth, rate=30) > 30


def test_errors_of_what_stays_where_it_was_are_no_trail():
    truth = [square_passes(n) for n in range(10)]
    wrong_sky = [frame.copy() for frame in truth]
    for frame in wrong_sky:
        frame[:24] += 40
    assert metrics.trail_error(wrong_sky, truth, rate=30) == 0


def test_a_still_uncovers_nothing():
    truth = [texture()] * 3
    assert metrics.trail_error(truth, truth, rate=30) is None


def test_settling_counts_from_the_switch_until_the_light_stays():
    rate, switch = 30, 30
    truth = [np.full((16, 16, 3), 120, np.uint8)] * 90
    away = [0] * switch + [round(60 * np.exp(-n / 9)) for n in range(60)]  # below 4.5 levels from the 24th frame on
    found = metrics.settling(shifted(truth, away), truth, switch=switch, rate=rate)
    assert found.seconds == pytest.approx(24 / 30)
    assert found.rebound < 0.5


def test_an_oscillation_is_told_as_a_rebound():
    truth = [np.full((16, 16, 3), 120, np.uint8)] * 90
    away = [0] * 30 + [round(60 * np.exp(-n / 9) * np.cos(n / 4)) for n in range(60)]
    found = metrics.settling(shifted(truth, away), truth, switch=30, rate=30)
    assert found.rebound > 10


@pytest.mark.parametrize("name", ["pan", "zoom", "shake", "passing"])
def test_stills_in_motion_move_and_keep_an_even_size(name):
    motions = {
        "pan": Motion(pan=0.2),
        "zoom": Motion(zoom=0.2),
        "shake": Motion(shake=0.03),
        "passing": Motion(passing=1),
    }
    shoot = motions[name].shoot(texture(), texture(5))
    first, later = shoot(0.0), shoot(0.5)
    assert first.shape == later.shape
    assert first.shape[0] % 2 == first.shape[1] % 2 == 0
    assert np.abs(first.astype(float) - later).mean() > 2
    assert (shoot(0.5) == later).all()


def test_a_still_held_still_does_not_move():
    shoot = Motion().shoot(texture())
    assert (shoot(0.0) == shoot(1.3)).all()
