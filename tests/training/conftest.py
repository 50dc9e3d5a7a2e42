import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

torch.set_num_threads(1)  # the networks of these tests are too small for two


@pytest.fixture(scope="session")
def data(tmp_path_factory) -> Path:
    """A small data folder of the real one's layout, made by code: 12 pairs, 3 clean pictures, one camera."""
    root = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    for kind in ("low", "high"):
        (root / "lol-v1/train" / kind).mkdir(parents=True)
    for number in (
        1,
        2,
        3,
        27,
        40,
        41,
        57,
        60,
        61,
        62,
        83,
        100,
    ):  # 27 is a bad pair, 60 to 62 are held out, 57 and 83 margin
        high = cv2.resize(rng.integers(60, 255, (6, 8, 3), dtype=np.uint8), (128, 96), interpolation=cv2.INTER_CUBIC)
        low = (high / 8 + rng.normal(0, 1, high.shape)).clip(0, 255).astype(np.uint8)
        for kind, picture in (("low", low), ("high", high)):
            cv2.imwrite(str(root / "lol-v1/train" / kind / f"{number}.png"), picture)
    (root / "photos").mkdir()
    (root / "bsds500/val").mkdir(parents=True)
    cv2.imwrite(str(root / "bsds500/val/1.jpg"), rng.integers(90, 200, (64, 80, 3), dtype=np.uint8))
    for index in range(3):
        small = rng.integers(60, 255, (6, 8, 3), dtype=np.uint8)
        cv2.imwrite(str(root / f"photos/{index}.png"), cv2.resize(small, (101, 97), interpolation=cv2.INTER_CUBIC))
    fit = {"slope": 0.6, "bias": 1.5, "sigma": 0.2}
    (root / "sensor-noise").mkdir()
    camera = {"Kmin": 0.2, "Kmax": 14.0, "Profile-1": {"g_scale": fit, "R_scale": fit}}
    (root / "sensor-noise/cameras.json").write_text(json.dumps({"Made": camera, "Unseen": camera}))
    return root
