"""The clip in `examples`."""

import av
import cv2
import numpy as np

from training import example


def test_the_example_is_dark_and_has_every_frame_and_its_sound(tmp_path):
    rng = np.random.default_rng(1)
    clean = cv2.resize(rng.integers(60, 255, (6, 8, 3), dtype=np.uint8), (96, 64), interpolation=cv2.INTER_CUBIC)
    example.write(tmp_path / "night.mp4", [clean] * 9)
    with av.open(str(tmp_path / "night.mp4")) as container:
        assert container.streams.audio[0].codec_context.name == "aac"
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(frames) == 9
    assert 2 < np.mean(frames) < clean.mean() / 3
