"""When to keep, fade or forget: the smoothing policy and the cut detector, on scenes made here."""

import math
from collections.abc import Iterable
from fractions import Fraction

import cv2
import numpy as np
import pytest

from streamllie.frame import Levels
from streamllie.temporal.cuts import CutDetector
from streamllie.temporal.policy import Smoothing

HEIGHT, WIDTH = 180, 320


def scene(seed: int, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """A still of overlapping boxes and discs, (H, W) float in 0..1."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:height, 0:width]
    still = np.full((height, width), rng.uniform(0.2, 0.8))
    for n in range(40):
        top, left = rng.integers(0, height), rng.integers(0, width)
        size = rng.integers(8, 60)
        inside = (
            (abs(rows - top) < size) & (abs(columns - left) < size)
            if n % 2
            else (rows - top) ** 2 + (columns - left) ** 2 < size**2
        )
        still[inside] = rng.uniform(0, 1)
    return still


def video_levels(picture: np.ndarray, noise: float = 1.0, seed: int = 0) -> np.ndarray:
    noisy = 16 + 219 * picture + np.random.default_rng(seed).normal(0, noise, picture.shape)
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def cuts(pictures, noise: float = 1.0) -> list[int]:
    detector = CutDetector()
    return [n for n, picture in enumerate(pictures) if detector(video_levels(picture, noise, seed=n))]


def test_the_first_frame_of_each_new_scene_is_a_cut_and_no_other():
    assert cuts([scene(s) for s in (1, 2, 3, 4) for _ in range(10)]) == [10, 20, 30]


def test_a_cut_in_the_dark_under_noise_is_found():
    assert cuts([0.1 * scene(s) for s in (1, 2) for _ in range(10)], noise=3.0) == [10]


def test_a_cut_to_a_brighter_scene_is_found():
    assert cuts([0.1 * scene(1)] * 8 + [scene(2)] * 8) == [8]


def test_a_lamp_that_lights_the_room_is_no_cut():
    assert cuts([0.1 * scene(1)] * 8 + [0.9 * scene(1)] * 8) == []


def test_a_lamp_that_lights_one_corner_is_no_cut():
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    lamp = np.exp(-((rows - 40) ** 2 + (columns - 60) ** 2) / (2 * 90**2))
    assert cuts([0.1 * scene(1)] * 8 + [(0.1 + 0.8 * lamp) * scene(1)] * 8) == []


def test_a_camera_flash_is_no_cut():
    flash = np.clip(0.3 + 1.5 * scene(1), 0, 1)
    assert cuts([0.4 * scene(1)] * 8 + [flash] + [0.4 * scene(1)] * 8) == []


def test_a_flash_that_whites_out_the_picture_is_no_cut():
    white = np.ones((HEIGHT, WIDTH))
    assert cuts([0.4 * scene(1)] * 8 + [white] + [0.4 * scene(1)] * 8) == []


def test_a_fade_to_black_and_back_is_no_cut():
    fade = [abs(n - 15) / 15 for n in range(31)]
    assert cuts([share * scene(1) for share in fade]) == []


def test_a_new_scene_after_black_is_a_cut():
    black = np.zeros((HEIGHT, WIDTH))
    assert cuts([scene(1)] * 5 + [black] * 5 + [scene(2)] * 5, noise=0) == [10]


def beginnings(pictures, noise: float = 0.0) -> list[int]:
    detector, found = CutDetector(), []
    for n, picture in enumerate(pictures):
        detector(video_levels(picture, noise, seed=n))
        found += [n] * detector.begins
    return found


@pytest.mark.parametrize("noise", [0.0, 1.0])
def test_memory_begins_anew_at_the_first_light_after_none_though_the_scene_is_the_old_one(noise):
    black = np.zeros((HEIGHT, WIDTH))
    assert beginnings([black] * 5 + [0.3 * scene(1)] * 5 + [black] * 5 + [0.3 * scene(1)] * 5, noise) == [5, 15]


def test_memory_goes_on_after_fog_a_flash_and_noise_that_hides_a_scene_for_a_moment():
    white, fog = np.ones((HEIGHT, WIDTH)), np.full((HEIGHT, WIDTH), 0.3)
    assert beginnings([0.4 * scene(1)] * 5 + [white] + [0.4 * scene(1)] * 5, noise=1.0) == []
    assert beginnings([0.4 * scene(1)] * 5 + [fog] * 5 + [0.4 * scene(1)] * 5, noise=1.0) == []


def test_a_fast_pan_is_no_cut():
    wide = scene(1, width=4 * WIDTH)
    step = WIDTH // 10  # ten frames from one side to the other
    assert cuts([wide[:, n * step : n * step + WIDTH] for n in range(25)]) == []


def test_a_scene_of_pure_noise_is_not_all_cuts():
    assert cuts([np.full((HEIGHT, WIDTH), 0.05)] * 30, noise=12.0) == []


def test_black_between_two_looks_at_a_scene_is_no_cut_even_under_blurred_noise():
    """A camera's own blur makes odd and even rows of pure noise alike: structure, but none that is coarse."""
    rng = np.random.default_rng(0)
    black = [cv2.GaussianBlur(rng.normal(0.02, 0.1, (HEIGHT, WIDTH)), (0, 0), 1.0) for _ in range(6)]
    assert cuts([0.3 * scene(1)] * 5 + black + [0.3 * scene(1)] * 5) == []


def test_frames_that_noise_makes_unlike_each_other_are_one_scene():
    """Blotches that a strong denoiser left move from frame to frame over what little can be seen."""
    rng = np.random.default_rng(1)

    def drowned(picture: np.ndarray) -> np.ndarray:
        blotches = cv2.GaussianBlur(rng.normal(0, 1, (HEIGHT, WIDTH)), (0, 0), 6)
        return 0.2 + 0.06 * picture + 0.05 * blotches / blotches.std()

    frames = [scene(1)] * 5 + [drowned(scene(2)) for _ in range(20)] + [scene(3)] * 5
    assert cuts(frames) in ([5, 25], [5, 26])


def test_ten_bit_frames_cut_like_eight_bit_frames():
    detector = CutDetector(Levels.of(depth=10, full_range=False))
    frames = [video_levels(scene(s), seed=n).astype(np.uint16) * 4 for s in (1, 2) for n in range(5)]
    assert [n for n, frame in enumerate(frames) if detector(frame)] == [5]


@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 2), (35, 63), (48, 64), (101, 77)])
def test_any_size_can_be_judged(height: int, width: int):
    detector = CutDetector()
    for seed in (1, 1, 2):
        detector(video_levels(scene(seed, height, width)))


def test_what_is_forgotten_cannot_be_cut_from():
    detector = CutDetector()
    for _ in range(3):
        detector(video_levels(scene(1)))
    detector.forget()
    assert detector(video_levels(scene(2))) is False


def faded(times: Iterable[Fraction], *, amount: float = 0.5, since: float = 0.0) -> float:
    """Share of the memory of second `since` that is left after the last of these times."""
    policy = Smoothing(amount)
    return math.prod([keep for time, keep in [(time, policy.keep(time)) for time in times] if time > since])


def at(rate: int, seconds: int) -> list[Fraction]:
    return [Fraction(n, rate) for n in range(seconds * rate + 1)]


VARIABLE = sorted({3 * Fraction(n * n % 997, 997) for n in range(180)} | set(at(1, 3)) | {Fraction(1, 2)})


@pytest.mark.parametrize("times", [*(at(rate, 3) for rate in (5, 15, 24, 30, 60, 240)), VARIABLE])
def test_memory_fades_alike_at_every_frame_rate_and_at_a_variable_one(times):
    assert faded(times, since=1) == pytest.approx(math.exp(-2 / 0.25), rel=1e-9)


@pytest.mark.parametrize("times", [at(30, 1), at(60, 1), at(240, 1), VARIABLE[: VARIABLE.index(1) + 1]])
def test_a_young_memory_follows_faster_and_at_every_frame_rate_alike(times):
    born, half = faded(times), faded(times, since=0.5)
    assert born == pytest.approx(faded(at(1000, 1)), rel=0.05)
    assert born < 0.02 * half, "the first frame counts no more than those of half a second later"


def test_another_amount_goes_on_with_what_is_remembered():
    policy = Smoothing(0.5)
    for n in range(100):
        policy.keep(n / 30)
    policy.change(1.0)
    assert policy.keep(100 / 30) == pytest.approx(math.exp(-1 / 30), rel=1e-6)


def test_the_first_frame_and_the_first_of_a_scene_keep_nothing():
    policy = Smoothing(0.5)
    assert policy.keep(0.0) == 0
    assert policy.keep(0.04) > 0
    assert policy.keep(0.08, cut=True) == 0
    assert policy.keep(0.12) > 0


@pytest.mark.parametrize("time", [0.5, 1.0, 2.0, 60.0], ids=["back", "still", "a second", "a minute"])
def test_memory_ends_where_time_does_not_flow(time: float):
    policy = Smoothing(1.0)
    policy.keep(1.0)
    assert policy.keep(time) == 0


def test_no_smoothing_keeps_nothing():
    policy = Smoothing(0.0)
    assert [policy.keep(n / 30) for n in range(5)] == [0, 0, 0, 0, 0]


def test_more_smoothing_keeps_more():
    left = [faded(at(30, 3), amount=amount, since=1) for amount in (0.0, 0.2, 0.5, 0.8, 1.0)]
    assert left == sorted(left)


@pytest.mark.parametrize("amount", [-0.1, 1.1, math.nan])
def test_an_amount_out_of_range_is_named(amount: float):
    with pytest.raises(ValueError, match=f"smoothing is {amount}"):
        Smoothing(amount)
