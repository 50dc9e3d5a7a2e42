"""What a live stream is written into: a file that gets its name, and sound to its end."""

from contextlib import nullcontext
from fractions import Fraction

import av
import numpy as np
import pytest

from streamllie.ahead import Stop
from streamllie.frame import Frame, VideoFormat
from streamllie.video.outlet import Outlet, Target
from streamllie.video.sound import SoundTrack
from tests.live.peers import pictures
from tests.media import Sound, make_video, picture


@pytest.mark.parametrize("failure", [None, KeyboardInterrupt, RuntimeError])
def test_a_recording_gets_its_name_unless_the_run_failed(tmp_path, failure):
    format = VideoFormat(height=48, width=64, rate=Fraction(25))
    target = Target.of(str(tmp_path / "day.mkv"))
    with (
        pytest.raises(failure) if failure is not None else nullcontext(),
        Outlet(target, format, stop=Stop()) as outlet,
    ):
        for n in range(10):
            y, u, v = picture(n)
            outlet.write(Frame(y=y, u=u, v=v, pts=n, time_base=Fraction(1, 25)), at=Fraction(n, 25))
        if failure is not None:
            raise failure
    named = "day.partial.mkv" if failure is RuntimeError else "day.mkv"
    assert [path.name for path in tmp_path.iterdir()] == [named]
    assert len(pictures(tmp_path / named)) == 10


def test_sound_that_is_encoded_anew_is_there_to_its_end(tmp_path):
    source = make_video(tmp_path / "night.mkv", sound=[Sound(codec="pcm_s16le", seconds=2)], frames=50)
    with av.open(str(source)) as container, av.open(str(tmp_path / "day.ts"), "w") as output:
        track = SoundTrack(container.streams.audio[0], output, "mpegts")
        heard = [
            p for packet in container.demux(audio=0) if packet.size for p in track.packets(packet, shift=Fraction(0))
        ]
        heard += track.rest()
        assert track.stream.codec_context.name == "aac"
        end = max(packet.pts + packet.duration for packet in heard)
        assert end * heard[0].time_base >= 2


def test_the_sound_of_a_camera_is_recorded_in_matroska_sample_for_sample(tmp_path):
    source = make_video(tmp_path / "night.mov", sound=[Sound(codec="pcm_alaw", rate=8000, seconds=2)], frames=50)
    with av.open(str(source)) as container, av.open(str(tmp_path / "day.mkv"), "w") as output:
        track = SoundTrack(container.streams.audio[0], output, "matroska")
        for packet in container.demux(audio=0):
            if packet.size:
                for heard in track.packets(packet, shift=Fraction(0)):
                    output.mux_one(heard)
    assert all((a == b).all() for a, b in zip(*map(samples, (source, tmp_path / "day.mkv")), strict=True))


def samples(path):
    with av.open(str(path)) as container:
        to = av.AudioResampler(format="s16", layout="mono", rate=8000)
        frames = [part for frame in container.decode(audio=0) for part in to.resample(frame)]
        return [np.concatenate([frame.to_ndarray()[0] for frame in frames])]
