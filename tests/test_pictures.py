"""RGB to planes and back: exact where it can be, measured where it cannot."""

import numpy as np
import pytest

from streamllie.pictures import Picture, to_planes, to_rgb


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return 10 * np.log10(255**2 / max(np.mean((a.astype(float) - b) ** 2), 1e-12))


def photo(height: int = 120, width: int = 160) -> np.ndarray:
    """Bright, colourful, sharp edges: the worst kind for 4:2:0."""
    rng = np.random.default_rng(5)
    rgb = np.full((height, width, 3), 200.0)
    for _ in range(60):
        top, left, size = rng.integers(0, height), rng.integers(0, width), rng.integers(2, 40)
        rgb[top : top + size, left : left + size] = rng.uniform(0, 255, 3)
    return np.clip(rgb + rng.normal(0, 3, rgb.shape), 0, 255).astype(np.uint8)


def test_grey_is_exact_both_ways():
    grey = np.repeat(np.arange(256, dtype=np.uint8).reshape(16, 16, 1), 3, axis=2)
    y, u, v = to_planes(grey)
    assert (y == grey[..., 0]).all()
    assert (u == 128).all()
    assert (v == 128).all()
    assert (to_rgb(y, u, v) == grey).all()


@pytest.mark.parametrize(
    ("rgb", "codes"),
    [((255, 0, 0), (76, 85, 255)), ((0, 255, 0), (150, 44, 21)), ((0, 0, 255), (29, 255, 107))],
    ids=["red", "green", "blue"],
)
def test_primaries_have_the_codes_of_jpeg(rgb, codes):
    y, u, v = to_planes(np.full((2, 2, 3), rgb, np.uint8))
    assert (int(y[0, 0]), int(u[0, 0]), int(v[0, 0])) == codes


@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 2), (3, 5), (48, 64), (47, 63)])
def test_planes_of_odd_sizes_round_up(height: int, width: int):
    rgb = photo(height, width)
    y, u, v = to_planes(rgb)
    assert y.shape == (height, width)
    assert u.shape == v.shape == ((height + 1) // 2, (width + 1) // 2)
    assert to_rgb(y, u, v).shape == rgb.shape


def test_chroma_is_not_shifted():
    """A filter off by half a pixel moves colour against its outline; mirrored pictures then differ."""
    rgb = photo()
    there = to_rgb(*to_planes(rgb))
    mirrored = to_rgb(*to_planes(rgb[::-1, ::-1].copy()))[::-1, ::-1]
    assert np.abs(there.astype(int) - mirrored).max() <= 1  # one level: the order of float sums


@pytest.mark.parametrize(("height", "width"), [(1, 1), (5, 3), (120, 160), (119, 159)])
def test_planes_that_did_not_change_give_the_very_same_picture(height: int, width: int):
    for rgb in (
        photo(height, width),
        np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8),
    ):
        picture = Picture.of(rgb)
        assert (picture.enhanced(picture.y, picture.u, picture.v) == rgb).all()


def test_a_slightly_brighter_picture_keeps_its_fine_colour():
    rgb = photo() // 2
    picture = Picture.of(rgb)
    gain = 1.2
    y, u, v = (gain * (p.astype(float) - c) + c for p, c in ((picture.y, 0), (picture.u, 128), (picture.v, 128)))
    planes = tuple(np.clip(np.rint(p), 0, 255).astype(np.uint8) for p in (y, u, v))
    wanted = np.clip(gain * rgb.astype(float), 0, 255)
    assert psnr(picture.enhanced(*planes), wanted) > 40
    assert psnr(to_rgb(*planes), wanted) < 35  # what the planes alone would give


def test_noise_of_a_dark_picture_is_not_put_back():
    rng = np.random.default_rng(3)
    rgb = np.clip(12 + rng.normal(0, 3, (64, 64, 3)), 0, 255).astype(np.uint8)
    clean = (
        np.full((64, 64), 120, np.uint8),
        np.full((32, 32), 128, np.uint8),
        np.full((32, 32), 128, np.uint8),
    )
    assert (Picture.of(rgb).enhanced(*clean) == 120).all()
