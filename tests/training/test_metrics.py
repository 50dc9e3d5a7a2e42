import numpy as np
import pytest
import torch

from training import losses
from training.metrics import psnr, ssim


def pictures(noise: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    a = np.kron(rng.integers(0, 255, (8, 8, 3)), np.ones((8, 8, 1))).astype(np.float64)
    b = (a + rng.normal(0, noise, a.shape)).clip(0, 255)
    return a.astype(np.uint8), b.astype(np.uint8)


def test_psnr_of_a_constant_error_is_known():
    a = np.full((16, 16, 3), 100, np.uint8)
    assert psnr(a, a + 10) == pytest.approx(20 * np.log10(255 / 10))
    assert psnr(a, a) == float("inf")


def test_ssim_is_1_for_equal_pictures_and_falls_with_noise():
    scores = [ssim(*pictures(noise)) for noise in (0, 5, 20, 60)]
    assert scores[0] == pytest.approx(1)
    assert scores == sorted(scores, reverse=True)


def test_the_loss_and_the_metric_are_one_ssim():
    a, b = (p[:, :, :1] for p in pictures(20))
    loss = losses.ssim(*(torch.from_numpy(p[None, None, :, :, 0] / 255.0) for p in (a, b)))
    assert float(loss) == pytest.approx(ssim(np.dstack([a] * 3), np.dstack([b] * 3)), abs=1e-6)
