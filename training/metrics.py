"""Picture quality against a reference: PSNR and SSIM of RGB uint8 pictures, as papers report them, and colour error."""

import cv2
import numpy as np
from numpy.typing import NDArray

from training.degrade import display, to_linear
from training.planes import Rgb


def psnr(a: Rgb, b: Rgb) -> float:
    """Peak signal-to-noise ratio in dB over all pixels and channels; infinite for equal pictures."""
    error = np.mean((a.astype(np.float64) - b.astype(np.float64)) ** 2)
    return float("inf") if error == 0 else float(10 * np.log10(255**2 / error))


def ssim(a: Rgb, b: Rgb) -> float:
    """Structural similarity (Wang et al., 2004): 11x11 Gaussian window, sigma 1.5, inner part, mean of channels."""
    x, y = a.astype(np.float64), b.astype(np.float64)
    mean_x, mean_y = _window(x), _window(y)
    var_x, var_y = _window(x * x) - mean_x**2, _window(y * y) - mean_y**2
    cov = _window(x * y) - mean_x * mean_y
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    top = (2 * mean_x * mean_y + c1) * (2 * cov + c2)
    return float(np.mean(top / ((mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2))))


def colour_error(out: Rgb, truth: Rgb) -> float:
    """Mean CIE 1976 colour difference (delta E) once `out` has the truth's mean linear light.

    About 2 is a difference that is just seen side by side.
    """
    light, goal = to_linear(out), to_linear(truth)
    light = light * (goal.mean() / max(float(light.mean()), 1e-6))
    a, b = (cv2.cvtColor(display(x.clip(0, 1)), cv2.COLOR_RGB2LAB) for x in (light, goal))
    return float(np.mean(np.linalg.norm(a - b, axis=2)))


def _window(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return cv2.GaussianBlur(x, (11, 11), 1.5)[5:-5, 5:-5]
