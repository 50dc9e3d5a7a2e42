"""Black bars around a picture: found, left as they are, and not counted as darkness."""

from fractions import Fraction

import numpy as np
import pytest

from streamllie import Enhancer, shelf
from streamllie.backends import open_engine
from streamllie.enhance import Steady
from streamllie.frame import Frame, Levels, VideoFormat
from streamllie.temporal.bars import NONE, STEADY, Bars, Sides, with_bars, without_bars
from streamllie.temporal.policy import Smoothing
from tests.media import picture

LEVELS = Levels.of(depth=8, full_range=False)
HEIGHT, WIDTH = 96, 128
LETTERBOX, PILLARBOX = Sides(top=16, bottom=16), Sides(left=40, right=40)


def barred(sides: Sides, *, n: int = 0, height: int = HEIGHT, width: int = WIDTH, depth: int = 8) -> Frame:
    """A dark picture in black bars."""
    levels = Levels.of(depth=depth, full_range=False)
    y, u, v = picture(n, height=height, width=width, depth=depth)
    inside, half = sides.inside(y), sides.inside(u, 2)
    black, grey, more = np.full_like(y, levels.black), np.full_like(u, levels.neutral), np.full_like(v, levels.neutral)
    black[inside], grey[half], more[half] = y[inside], u[half], v[half]
    return Frame(y=black, u=grey, v=more, pts=n, time_base=Fraction(1, 30))


@pytest.mark.parametrize("sides", [LETTERBOX, PILLARBOX, Sides(12, 12, 20, 20)])
@pytest.mark.parametrize(("height", "width"), [(96, 128), (97, 129)])
def test_bars_are_found_in_the_first_frame(sides, height, width):
    assert Bars(LEVELS)(barred(sides, height=height, width=width).y) == sides


def test_bars_that_a_codec_smeared_the_picture_into_are_as_large_as_their_opposites():
    assert Bars(LEVELS)(barred(Sides(16, 14, 0, 0)).y) == LETTERBOX
    assert Bars(LEVELS)(barred(Sides(180, 174, 0, 0), height=1080).y) == Sides(180, 174, 0, 0)


@pytest.mark.parametrize("sides", [NONE, Sides(top=16), Sides(left=40), Sides(16, 40, 0, 0), Sides(2, 2, 0, 0)])
def test_a_black_edge_on_one_side_or_a_thin_one_is_no_bar(sides):
    assert Bars(LEVELS)(barred(sides).y) == NONE


@pytest.mark.parametrize("sides", [LETTERBOX, Sides(16, 14, 0, 0)])
@pytest.mark.parametrize("ink", [0.1, 0.7])
def test_text_in_a_bar_does_not_end_it_and_a_picture_in_it_does(sides, ink):
    bars = Bars(LEVELS)
    assert bars(barred(sides).y) == LETTERBOX
    text = barred(sides, n=1).y
    text[-8:-4, : round(ink * WIDTH)] = 235
    for _ in range(2 * STEADY):
        assert bars(text) == LETTERBOX
    assert bars(text, cut=True) == LETTERBOX
    assert bars(barred(NONE).y) == NONE


@pytest.mark.parametrize(
    ("sides", "logo"),
    [
        (LETTERBOX, np.s_[2:7, 8:40]),
        (LETTERBOX, np.s_[-8:-4, 60:120]),
        (PILLARBOX, np.s_[8:40, 98:118]),
        (Sides(16, 16, 40, 40), np.s_[8:24, 98:118]),
    ],
)
def test_a_bar_with_a_logo_in_it_from_the_first_frame_on_is_as_long_as_the_black_one_opposite(sides, logo):
    luma = barred(sides).y
    luma[logo] = 200
    assert Bars(LEVELS)(luma) == sides


def test_somebody_in_the_dark_beside_a_spotlight_is_no_logo():
    luma = barred(PILLARBOX).y
    luma[50:80, 98:118] = 50
    assert Bars(LEVELS)(luma) == NONE


@pytest.mark.parametrize(
    ("sides", "lit"),
    [(LETTERBOX, np.s_[3:16, 8:40]), (LETTERBOX, np.s_[0:12, 30:120]), (Sides(top=16), np.s_[2:7, 8:40])],
    ids=["reaches into the picture", "fills most of a bar", "no bar opposite"],
)
def test_what_is_lit_in_the_dark_beside_a_picture_may_be_no_logo(sides, lit):
    luma = barred(sides).y
    luma[lit] = 200
    assert Bars(LEVELS)(luma) == NONE


@pytest.mark.parametrize("cut", [False, True])
def test_somebody_who_walks_into_the_dark_beside_a_torch_ends_what_was_taken_for_bars(cut):
    bars = Bars(LEVELS)
    torch = barred(PILLARBOX).y
    assert bars(torch) == PILLARBOX
    torch[60:90, 20:60] = 30  # a third of the height
    assert bars(torch, cut=cut) == NONE


def test_a_cut_to_a_scene_without_bars_ends_them_though_its_edges_are_hardly_lit():
    bars = Bars(LEVELS)
    assert bars(barred(LETTERBOX).y) == LETTERBOX
    whole = barred(NONE).y
    whole[:20, WIDTH // 3 :] = whole[-20:, WIDTH // 3 :] = 16
    assert bars(whole, cut=True) == NONE


def test_in_the_middle_of_a_scene_bars_must_stay_before_they_are_believed():
    bars = Bars(LEVELS)
    bars.begin_midway()
    found = [bars(barred(LETTERBOX, n=n).y) for n in range(STEADY)]
    assert found == [NONE] * (STEADY - 1) + [LETTERBOX]


def test_no_picture_is_too_small_and_there_is_always_one_between_bars():
    for size in range(2, 48):
        for first in range(size):
            for last in range(size - first):
                y = np.full((size, 24), 16, np.uint8)
                y[first : size - last] = 60
                frame = Frame(y=y, u=y[::2, ::2] * 0 + 128, v=y[::2, ::2] * 0 + 128, pts=0, time_base=Fraction(1, 30))
                sides = Bars(LEVELS)(y)
                assert size - sides.top - sides.bottom >= 2
                assert without_bars(frame, sides).y.shape == y.shape


def test_a_picture_of_hardly_any_light_has_bars_too_and_the_noise_of_a_dark_edge_is_none():
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 1.5, (HEIGHT, WIDTH))
    night = np.full((HEIGHT, WIDTH), 16.0)
    night[16:-16] = 18 + noise[16:-16]
    assert Bars(LEVELS)(night.round().astype(np.uint8)) == LETTERBOX
    edges = np.full((HEIGHT, WIDTH), 16.0) + noise
    edges[16:-16] += 20
    assert Bars(LEVELS)(edges.round().clip(16).astype(np.uint8)) == NONE, "a camera's black is not flat"


def test_a_dim_picture_that_reaches_into_its_bars_ends_them():
    bars = Bars(LEVELS)
    assert bars(barred(LETTERBOX).y) == LETTERBOX
    dim = barred(LETTERBOX).y
    dim[:16], dim[-16:] = 18, 18
    assert bars(dim) == NONE


def test_a_black_frame_tells_nothing_and_a_scene_whose_edges_go_dark_has_no_bars_at_once():
    bars = Bars(LEVELS)
    assert bars(np.full((HEIGHT, WIDTH), 16, np.uint8)) == NONE
    assert bars(barred(NONE).y) == NONE
    for rows in range(4, 30, 2):  # the edges go on going dark
        assert bars(barred(Sides(rows, rows, 0, 0)).y) == NONE
    assert bars(np.full((HEIGHT, WIDTH), 16, np.uint8)) == NONE
    found = [bars(barred(LETTERBOX, n=n).y) for n in range(STEADY)]
    assert found == [NONE] * (STEADY - 1) + [LETTERBOX], "bars that stay are believed after a second"


@pytest.mark.parametrize("depth", [8, 10])
@pytest.mark.parametrize("sides", [LETTERBOX, PILLARBOX])
def test_the_picture_is_mirrored_into_its_bars_and_they_come_back_as_they_were(sides, depth):
    before = barred(sides, depth=depth)
    assert Bars(Levels.of(depth=depth, full_range=False))(before.y) == sides
    filled = without_bars(before, sides)
    assert filled.y.min() > Levels.of(depth=depth, full_range=False).black
    assert (filled.y.shape, filled.u.shape, filled.y.dtype) == (before.y.shape, before.u.shape, before.y.dtype)
    back = with_bars(filled, before, sides)
    for plane, old in ((back.y, before.y), (back.u, before.u), (back.v, before.v)):
        assert np.array_equal(plane, old)


@pytest.mark.parametrize("sides", [LETTERBOX, PILLARBOX])
def test_a_picture_in_bars_becomes_as_bright_as_without_them_and_the_bars_stay_black(sides):
    def enhanced(frames: list[Frame]) -> Frame:
        format = VideoFormat(height=frames[0].y.shape[0], width=frames[0].y.shape[1])
        with open_engine(shelf.find("lite"), format, backend="onnxruntime", precision="fp32") as engine:
            steady = Steady(engine, format, Smoothing(0.5), strength=1.0)
            return [steady(frame) for frame in frames][-1]

    frames = [barred(sides, n=n) for n in range(8)]
    inside, half = sides.inside(frames[0].y), sides.inside(frames[0].u, 2)
    cropped = [
        f.with_planes(*(np.ascontiguousarray(p[i]) for p, i in ((f.y, inside), (f.u, half), (f.v, half))))
        for f in frames
    ]
    whole, alone = enhanced(frames), enhanced(cropped)
    assert abs(whole.y[inside].mean() - alone.y.mean()) < 8
    outside = np.ones(whole.y.shape, bool)
    outside[inside] = False
    assert (whole.y[outside] == 16).all()


def test_pictures_that_have_nothing_to_do_with_each_other_do_not_share_bars():
    y, _, _ = picture(0, height=HEIGHT, width=WIDTH)
    rgb = np.dstack([y] * 3)
    boxed = rgb.copy()
    boxed[:16], boxed[-16:] = 0, 0
    with Enhancer(backend="onnxruntime", precision="fp32") as enhance:
        alone = enhance(rgb)
        bright = enhance(boxed)
        assert (bright[:14] == 0).all()
        assert np.array_equal(enhance(rgb), alone)
