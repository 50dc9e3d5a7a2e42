import cv2
import numpy as np
import pytest
import torch
from torch.nn import functional as F

from streamllie.enhancer import Enhancer
from streamllie.models.overlay import Overlay

HEIGHT, WIDTH = 192, 320
LINES = "nobody ever said", "that it was easy"
WHITE, PALE, YELLOW = (255, 255, 255), (215, 215, 215), (255, 230, 40)


def scene(level: float = 0.05) -> np.ndarray:
    """A quiet picture, (H, W, 3) uint8 RGB: shades, edges, noise; `level` is its mean of 0 to 1."""
    rng = np.random.default_rng(0)
    shades = cv2.resize(rng.uniform(0.3, 1.7, (4, 6, 3)), (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    shades[60:, 200:260] *= 0.5
    return ((shades * level + rng.normal(0, 0.01, shades.shape)).clip(0, 1) * 255).astype(np.uint8)


def written(rgb: np.ndarray, colour: tuple[int, int, int] = WHITE) -> np.ndarray:
    """With two lines at the bottom, which have an outline."""
    rgb = rgb.copy()
    for n, line in enumerate(LINES):
        for ink, thick in (((0, 0, 0), 5), (colour, 2)):
            cv2.putText(rgb, line, (40, 152 + 28 * n), cv2.FONT_HERSHEY_SIMPLEX, 0.8, ink, thick, cv2.LINE_AA)
    return rgb


def found(rgb: np.ndarray) -> Overlay:
    planes = torch.from_numpy(cv2.cvtColor(rgb, cv2.COLOR_RGB2YCrCb)).permute(2, 0, 1)[None].float() / 255
    luma = F.pixel_unshuffle(planes[:, :1], 4)
    u, v = (F.pixel_unshuffle(F.avg_pool2d(planes[:, n : n + 1] - 128 / 255, 2), 2) for n in (2, 1))
    return Overlay(luma, torch.cat([u, v], dim=1), luma.mean(dim=1, keepdim=True))


def level(patch: torch.Tensor) -> float:
    return patch.sqrt().mean().square().item()


@pytest.mark.parametrize("colour", [WHITE, PALE, YELLOW], ids=["white", "pale", "yellow"])
def test_a_dark_picture_is_as_dark_with_a_subtitle_as_without(colour):
    bare = found(scene()).patch
    text = found(written(scene(), colour))
    assert level(text.mean) > 1.2 * level(bare), "or this says nothing"
    assert level(text.patch) == pytest.approx(level(bare), rel=0.03)


def test_the_network_sees_what_is_around_in_place_of_the_text_and_what_is_beside_as_it_is():
    text, gain = found(written(scene())), torch.ones(1, 1, 1, 1)
    bright = F.pixel_unshuffle(torch.full((1, 1, HEIGHT, WIDTH), 0.04), 4)
    bright[:, :, 30:] = 0.9
    chroma = torch.full((1, 8, *bright.shape[2:]), 0.3)
    luma, colour = text.taken_off(bright, chroma, gain)
    strokes = text.strokes[0, 0] == 1
    assert strokes.sum() > 100
    assert luma[:, :, 30:][:, :, strokes[30:]].max() < 0.15
    assert colour[:, :, strokes].abs().max() < 0.1
    assert torch.equal(luma[:, :, :30], bright[:, :, :30])
    assert torch.equal(colour[:, :, :30], chroma[:, :, :30])


def test_a_dark_picture_without_text_a_bright_one_with_it_a_lamp_and_a_window_are_left_alone():
    window, lamp = scene(), scene()
    window[40:120, 60:160] = 240
    lamp[32:39, 100:107] = 255
    for rgb in (scene(), written(scene(0.6)), np.zeros_like(window), lamp):
        assert found(rgb).share.max() == 0
    lit = found(window)
    assert lit.share[0, 0, 13:27, 18:37].max() == 0
    assert level(lit.patch) == pytest.approx(level(lit.mean), rel=0.1)


def test_what_is_written_everywhere_leaves_numbers():
    text = scene()
    text[::3] = 255
    everywhere = found(text)
    assert all(torch.isfinite(x).all() for x in (everywhere.patch, everywhere.around, everywhere.colour))


def test_text_keeps_its_colour():
    text = found(written(scene(), YELLOW))
    strokes = (text.strokes * (text.mean - text.around > 0.4))[0, 0] == 1
    _, pale = text.kept(torch.zeros_like(text.luma), torch.zeros_like(text.chroma))
    assert strokes.sum() > 20
    assert torch.equal(pale[:, :, strokes], text.chroma[:, :, strokes])
    assert (pale[:, :, text.strokes[0, 0] == 0] == 0).all()


@pytest.mark.parametrize("model", ["lite", "lite-handheld", "lite-open", "base"])
def test_every_model_makes_the_same_of_a_scene_with_a_subtitle_as_without(model):
    with Enhancer(model) as enhance:
        bare, text = (enhance(rgb)[:112].astype(float) for rgb in (scene(), written(scene())))
    assert bare.mean() > 2 * scene()[:112].mean()
    assert abs(text.mean() - bare.mean()) < 5


@pytest.mark.parametrize("model", ["lite", "lite-handheld", "lite-open", "lite-lol", "base"])
def test_a_title_on_black_comes_out_no_darker_and_black_stays_black(model):
    with Enhancer(model) as enhance:
        for colour in (WHITE, PALE):
            title = written(np.zeros((HEIGHT, WIDTH, 3), np.uint8), colour)
            out = enhance(title)
            assert (out[title > 60] > title[title > 60].astype(int) - 20).mean() > 0.99, colour
            assert out[:112].mean() < 12, colour
