import numpy as np
import pytest
import torch

from training import degrade, losses
from training.metrics import colour_error, psnr, ssim
from training.recipe import Losses


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


def test_colour_error_forgives_exposure_and_not_a_cast():
    a, _ = pictures(0)
    a = a // 2 + 40
    darker = (degrade.tone(degrade.to_linear(a) / 3, None)).astype(np.uint8)
    cast = a.copy()
    cast[:, :, 2] += 15
    assert colour_error(a, a) == 0
    assert colour_error(darker, a) < 1
    assert colour_error(cast, a) > 3


def test_losses_are_zero_for_equal_planes_and_grow_with_their_weights():
    a, b = (torch.from_numpy(p.astype(np.float32) / 255).permute(2, 0, 1)[:, None, None] for p in pictures(20))
    a, b = (torch.cat([p, p], dim=3).repeat(1, 1, 1, 4, 2) for p in (a, b))
    some, more = Losses(), Losses(scales=3, edge=1.0)
    assert float(losses.total(tuple(a), tuple(a), more)) == pytest.approx(0.002 + 0.002, abs=5e-4), "eps of Charbonnier"
    assert float(losses.total(tuple(a), tuple(b), more)) > float(losses.total(tuple(a), tuple(b), some))


def test_brightness_that_wanders_counts_and_noise_or_a_constant_error_does_not():
    generator = torch.Generator().manual_seed(0)
    constant = [torch.full((1, 1, 64, 64), 0.3)] * 4
    assert float(losses.wandering(constant)) == pytest.approx(0, abs=1e-6)
    noisy = [0.05 * torch.randn(1, 1, 64, 64, generator=generator) for _ in range(4)]
    assert float(losses.wandering(noisy)) < 0.003
    wanders = [torch.full((1, 1, 64, 64), step) for step in (0.0, 0.1, 0.0, 0.1)]
    assert float(losses.wandering(wanders)) == pytest.approx(0.05, rel=1e-4)


def test_what_moves_weighs_the_same_however_small_it_is():
    out, truth = ([torch.zeros(1, 1, 32, 32), *torch.zeros(2, 1, 1, 16, 16)] for _ in range(2))
    out[0][..., :4, :4], out[1][..., :2, :2] = 0.2, 0.1
    sure = torch.full((1, 1, 8, 8), 1.0)
    assert float(losses.unsure(out, truth, sure)) == 0
    sure[..., :1, :1] = 0
    assert float(losses.unsure(out, truth, sure)) == pytest.approx(0.2 + 0.5 * 0.1)
    sure[..., :2, :2] = 0
    assert float(losses.unsure(out, truth, sure)) == pytest.approx((0.2 + 0.5 * 0.1) / 4)


def test_only_what_gets_brighter_than_the_truth_near_white_counts_as_clipped():
    def grey(luma: float, *, red: float = 0.0) -> tuple[torch.Tensor, ...]:
        return torch.full((1, 1, 8, 8), luma), torch.zeros(1, 1, 4, 4), torch.full((1, 1, 4, 4), red)

    assert float(losses.clipped(grey(0.95), grey(0.5))) == 0
    assert float(losses.clipped(grey(0.99), grey(1.0))) == 0
    assert float(losses.clipped(grey(1.0), grey(0.5))) == pytest.approx(1 - losses.NEAR_WHITE)
    assert float(losses.clipped(grey(0.9, red=0.1), grey(0.9))) == pytest.approx(0.9 + 0.1402 - losses.NEAR_WHITE)
