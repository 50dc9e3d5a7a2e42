"""Make the example clip: python -m training.example --data DATA examples/night.mp4

Two clips of person D (kept out of training), darkened with the noise of a calibrated camera, with sound made here.
"""

import argparse
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from training import degrade
from training.command import said
from training.planes import read_clip

CLIPS = ("person-d-night.mkv", "person-d-sister.mkv")
RATE = 30
SOUND_RATE = 48_000
# Webcam-like: a twenty-fourth of the light, strong gain, the camera's own blur, a slightly blue cast.
SHOT = degrade.Shot(
    ratio=24.0,
    shade=None,
    balance=np.array([2.0, 1.0, 1.7], np.float32),
    cast=np.array([0.95, 1.0, 1.06], np.float32),
    black=0.0005,
    gain=degrade.Gain(k=6.0, read=14.0, row=2.5, share=0.6),
    blur=0.6,
    grain=1.0,
    matrix=np.eye(3, dtype=np.float32),
    gamma=None,
    quality=None,
    crf=None,
)


@said("example")
def main() -> None:
    """Parse the command line and write the clip."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", type=Path, help="the clip to write")
    parser.add_argument("--data", type=Path, required=True, help="data folder, see training/README.md")
    args = parser.parse_args()
    write(args.target, [frame for name in CLIPS for frame in read_clip(args.data / "clips" / name)])


def write(target: Path, clean: list[degrade.Rgb]) -> None:
    """Darken and encode: H.264 with B-frames, BT.601 limited range tagged, AAC."""
    rng = np.random.default_rng(12)
    with av.open(str(target), "w", options={"movflags": "+faststart"}) as container:
        container.metadata["title"] = "A dark room"
        video = container.add_stream(
            "libx264", rate=RATE, options={"crf": "17", "preset": "slow", "x264-params": "fullrange=off"}
        )
        video.height, video.width = clean[0].shape[:2]
        video.pix_fmt = "yuv420p"
        context = video.codec_context
        context.color_range, context.colorspace, context.color_primaries, context.color_trc = 1, 6, 6, 6
        sound = container.add_stream("aac", rate=SOUND_RATE, layout="mono")
        sound.bit_rate = 48_000
        for index, rgb in enumerate(clean):
            picture = av.VideoFrame.from_ndarray(SHOT.take(degrade.to_linear(rgb), rng), format="rgb24")
            picture = picture.reformat(format="yuv420p", dst_colorspace="ITU601", dst_color_range="MPEG")
            picture.pts, picture.time_base = index, Fraction(1, RATE)
            container.mux(video.encode(picture))
        container.mux(video.encode(None))
        samples = melody(len(clean) / RATE)
        for start in range(0, len(samples), 1024):
            audio = av.AudioFrame.from_ndarray(samples[None, start : start + 1024], format="fltp", layout="mono")
            audio.rate, audio.pts, audio.time_base = SOUND_RATE, start, Fraction(1, SOUND_RATE)
            container.mux(sound.encode(audio))
        container.mux(sound.encode(None))


def melody(seconds: float) -> NDArray[np.float32]:
    """A quiet run of plucked notes, so that lost or shifted sound is heard at once."""
    time = np.arange(round(seconds * SOUND_RATE)) / SOUND_RATE
    out = np.zeros_like(time)
    for beat, step in enumerate((0, 4, 7, 12, 7, 4, 0, 5, 9, 12, 9, 5)[: int(seconds / 0.4) + 1]):
        since = time - 0.4 * beat
        pitch = 220 * 2 ** (step / 12)
        pluck = np.where(since >= 0, np.exp(-5 * np.maximum(since, 0)) * np.sin(2 * np.pi * pitch * since), 0)
        out += 0.2 * pluck
    return out.astype(np.float32)


if __name__ == "__main__":
    main()
