"""Sound beside live video: copied, the same samples as PCM, or encoded anew, and there to its end."""

from fractions import Fraction

import av
import pytest

from streamllie.live.relay import relay
from streamllie.video.sound import SoundTrack
from tests.live.peers import sent
from tests.media import Sound, make_video, samples


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
    assert samples(tmp_path / "day.mkv").tolist() == samples(source).tolist()


def test_what_quicktime_holds_is_copied_into_it(tmp_path):
    source = make_video(tmp_path / "night.mp4", sound=[Sound(codec="aac", rate=44_100, seconds=1)], frames=25)
    with av.open(str(source)) as container, av.open(str(tmp_path / "day.mov"), "w") as output:
        track = SoundTrack(container.streams.audio[0], output, "mov")
        packets = [packet for packet in container.demux(audio=0) if packet.size]
        whole = [bytes(packet) for packet in packets]
        heard = [bytes(heard) for packet in packets for heard in track.packets(packet, shift=Fraction(0))]
        assert heard == whole[-len(heard) :], "but for what lies before the beginning"
        assert len(heard) >= len(whole) - 1


@pytest.mark.parametrize(("target", "codec"), [("day.mkv", "pcm_s16le"), ("day.ts", "aac")])
def test_a_camera_that_sends_g711_is_heard(tmp_path, target, codec):
    path = make_video(
        tmp_path / "night.mov", frames=150, options={"g": "5"}, sound=[Sound(codec="pcm_alaw", rate=8000, seconds=6)],
        muxer_options={"movflags": "frag_keyframe+empty_moov"},
    )  # fmt: skip
    with sent(path, seconds=6) as url:
        relay(url, str(tmp_path / target), backend="onnxruntime", smoothing=0.0, duration=1.5)
    with av.open(str(tmp_path / target)) as container:
        assert container.streams.audio[0].codec_context.name == codec
        assert sum(frame.samples for frame in container.decode(audio=0)) > 0.5 * container.streams.audio[0].rate


def test_two_times_that_are_one_in_the_output_are_no_two_packets(tmp_path):
    """Where a recording is looped, sound comes twice, a tick of 90 kHz apart: in an mp4 of 44.1 kHz it is the same."""
    source = str(make_video(tmp_path / "night.ts", sound=[Sound(codec="aac", rate=44_100, seconds=1)], frames=25))
    with av.open(source) as once, av.open(source) as twice, av.open(str(tmp_path / "day.mp4"), "w") as output:
        track = SoundTrack(once.streams.audio[0], output, "mp4")
        output.start_encoding()
        for first, second in zip(once.demux(audio=0), twice.demux(audio=0), strict=True):
            for packet, later in ((first, 0), (second, 1)):
                if packet.size:
                    packet.pts += later
                    for heard in track.packets(packet, shift=Fraction(0)):
                        output.mux_one(heard)
    with av.open(str(tmp_path / "day.mp4")) as container:
        assert sum(1 for packet in container.demux(audio=0) if packet.size) >= 40
