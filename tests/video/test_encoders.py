"""The encoder that is chosen, what it is told, and what is said when something is refused."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from streamllie.errors import SinkError
from streamllie.frame import VideoFormat
from streamllie.video.choice import choose
from streamllie.video.containers import CONTAINERS
from streamllie.video.encoders import ENCODERS, Encoder
from streamllie.video.rate import default_cap, parse_rate
from tests import media
from tests.video.chain import enhance, streams

HD = VideoFormat(height=1080, width=1920, rate=Fraction(30))


@pytest.mark.parametrize(
    ("encoder", "origin", "container", "family"),
    [
        ("libx264", "mp4", "mp4", "h264"),
        ("libx265", "mp4", "mp4", "hevc"),
        ("libx265", "mp4", "avi", "h264"),
        ("libvpx-vp9", "webm", "webm", "vp9"),
        ("libvpx-vp9", "webm", "mov", "h264"),
        ("libsvtav1", "mkv", "mkv", "av1"),
        ("mpeg4", "avi", "mp4", "h264"),
        ("mpeg2video", "ts", "ts", "h264"),
        ("libx264", "mp4", "webm", "vp9"),
        ("ffv1", "mkv", "mkv", "ffv1"),
        ("ffv1", "mkv", "mp4", "h264"),
    ],
)
def test_auto_takes_the_family_of_the_source_or_what_the_container_usually_holds(
    tmp_path: Path, encoder: str, origin: str, container: str, family: str
) -> None:
    source = media.make_video(tmp_path / f"night.{origin}", codec=encoder)

    _, writer = enhance(source, tmp_path / f"day.{container}")

    assert streams(tmp_path / f"day.{container}") == [("video", family)]
    assert any("the source is" in note for note in writer.notes) == (streams(source) != [("video", family)])


def test_prores_stays_prores_though_ours_has_fewer_bits_and_an_odd_size_says_why_it_needs_another(
    tmp_path: Path,
) -> None:
    deep = media.make_video(tmp_path / "cut.mov", codec="prores_ks", layout="yuva444p10le", frames=3)
    odd = media.make_video(tmp_path / "odd.mkv", codec="ffv1", height=49, width=65, frames=3)

    enhance(deep, tmp_path / "day.mov")
    _, writer = enhance(odd, tmp_path / "day.mp4")

    assert streams(tmp_path / "day.mov") == [("video", "prores")]
    assert any(
        "the source is ffv1, the output is av1, which has odd sizes such as 65x49" in note for note in writer.notes
    )


@pytest.mark.parametrize(
    ("source", "preset", "profile"),
    [("proxy", None, "Proxy"), ("lt", None, "LT"), ("hq", None, "HQ"), ("4444", None, "HQ"), ("hq", "lt", "LT")],
)
def test_prores_keeps_its_profile_unless_another_is_wished_for(tmp_path, source, preset, profile):
    layout = "yuv444p10le" if source == "4444" else "yuv422p10le"
    cut = media.make_video(
        tmp_path / "cut.mov", codec="prores_ks", layout=layout, frames=3, options={"profile": source}
    )
    enhance(cut, tmp_path / "day.mov", preset=preset)
    with av.open(str(tmp_path / "day.mov")) as container:
        assert container.streams.video[0].codec_context.profile == profile


@pytest.mark.parametrize(
    ("codec", "container"),
    [("h264", "mp4"), ("hevc", "mp4"), ("av1", "mp4"), ("vp9", "webm"), ("ffv1", "mkv"), ("prores", "mov")],
)
@pytest.mark.parametrize("layout", ["yuv420p", "yuv420p10le"])
def test_every_codec_can_be_named(tmp_path: Path, codec: str, container: str, layout: str) -> None:
    source = media.make_video(tmp_path / "night.mkv", codec="ffv1", layout=layout, frames=3)
    target = tmp_path / f"day.{container}"

    if codec == "vp9" and layout != "yuv420p":
        with pytest.raises(SinkError, match=r"no more than 8 bits and the video has 10; use hevc or av1"):
            enhance(source, target, codec=codec)
    else:
        enhance(source, target, codec=codec)
        assert streams(target) == [("video", codec)]


def test_ten_bits_go_to_av1_where_vp9_has_none(tmp_path: Path) -> None:
    source = media.make_video(tmp_path / "night.mkv", codec="ffv1", layout="yuv420p10le", frames=3)

    enhance(source, tmp_path / "day.webm")

    assert streams(tmp_path / "day.webm") == [("video", "av1")]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"codec": "divx"}, r'no codec "divx"; there are: auto, h264'),
        ({"codec": "prores"}, r"\.mp4 does not hold prores; it holds: h264"),
        ({"max_bitrate": "99999G"}, "--max-bitrate for libx264 goes up to 1000M, not 99999G"),
        ({"codec": "av1", "max_bitrate": "200M"}, "--max-bitrate for libsvtav1 goes up to 100M, not 200M"),
        ({"crf": 99}, r"--crf for libx264 goes from 0 \(best\) to 51 \(smallest\), not 99"),
        ({"preset": "warp9"}, r'libx264 has no preset "warp9"; it has: ultrafast'),
        ({"max_bitrate": "fast"}, r'bit rate "fast" is not understood; write it like 8M'),
        ({"max_bitrate": "0"}, r'bit rate "0" is not understood'),
        ({"codec": "av1", "preset": "veryfast"}, r'libsvtav1 has no preset "veryfast"; it has: 0, 1'),
    ],
)
def test_a_wrong_option_is_named_with_what_is_possible(
    tmp_path: Path, options: dict[str, object], sentence: str
) -> None:
    source = media.make_video(tmp_path / "night.mp4", frames=2)

    with pytest.raises(SinkError, match=sentence) as caught:
        enhance(source, tmp_path / "day.mp4", **options)

    assert "\n" not in str(caught.value)
    assert [p.name for p in tmp_path.iterdir()] == ["night.mp4"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"crf": 20}, "ffv1 has no --crf"),
        ({"preset": "fast"}, "ffv1 has no presets"),
        ({"max_bitrate": "8M"}, "ffv1 has no --max-bitrate"),
    ],
)
def test_an_option_that_a_codec_does_not_have_is_refused(
    tmp_path: Path, options: dict[str, object], sentence: str
) -> None:
    source = media.make_video(tmp_path / "night.mkv", frames=2)

    with pytest.raises(SinkError, match=sentence):
        enhance(source, tmp_path / "day.mkv", codec="ffv1", **options)


@pytest.mark.parametrize("encoder", [e for e in ENCODERS if not e.hardware], ids=lambda e: e.name)
def test_every_setting_of_an_encoder_is_taken_by_it(tmp_path: Path, encoder: Encoder) -> None:
    """An option that libav does not know would be left over, silently."""
    source = media.make_video(tmp_path / "night.mkv", codec="ffv1", frames=2)
    for preset in (None, *encoder.presets[:2], *encoder.presets[-1:]):
        target = tmp_path / f"{preset}.mkv"
        _, writer = enhance(source, target, codec=encoder.family, preset=preset)
        assert writer.encoder == encoder.name
        assert writer.unused_options == {}


def test_a_preset_of_software_is_not_given_to_hardware() -> None:
    choice = choose(HD, CONTAINERS[".mp4"], suffix=".mp4", codec="h264", preset="medium")

    assert choice.encoder.name == "libx264"


@pytest.mark.parametrize("preset", ["8", "quick"])
def test_a_preset_of_another_codec_is_refused_and_does_not_change_the_codec(preset: str) -> None:
    told = f'libx264 has no preset "{preset}"; it has: .*or name another --codec'
    with pytest.raises(SinkError, match=told) as raised:
        choose(HD, CONTAINERS[".mp4"], suffix=".mp4", source_codec="h264", preset=preset)

    assert "av1" not in str(raised.value)
    assert "x265" not in str(raised.value)


def test_hardware_is_probed_and_falls_back_with_a_message(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", logger="streamllie"):
        choice = choose(HD, CONTAINERS[".mp4"], suffix=".mp4", codec="h264")

    if choice.encoder.hardware:  # a machine with NVENC
        assert choice.encoder.name == "h264_nvenc"
    else:
        assert choice.encoder.name == "libx264"
        assert "h264_nvenc does not run here" in caplog.text


@pytest.mark.parametrize(
    ("text", "rate"), [("8M", 8_000_000), ("900k", 900_000), ("2500000", 2_500_000), ("1.5m", 1_500_000)]
)
def test_bit_rates_are_read(text: str, rate: int) -> None:
    assert parse_rate(text) == rate


@pytest.mark.parametrize("text", ["", "fast", "-8M", "8MB", "0", "8 000"])
def test_other_bit_rates_are_refused(text: str) -> None:
    with pytest.raises(SinkError, match="is not understood"):
        parse_rate(text)


def test_a_bit_rate_of_hundreds_of_digits_is_a_large_one() -> None:
    assert parse_rate(310 * "1") > 1_000_000_000_000


@pytest.mark.parametrize("text", ["0.1", "8", "0.9k"])
def test_a_bit_rate_without_its_unit_is_refused_and_does_not_mean_no_limit(text: str) -> None:
    with pytest.raises(SinkError, match="too low for any video; write it like"):
        parse_rate(text)


def test_a_bit_rate_may_be_a_number() -> None:
    assert parse_rate(8_000_000) == parse_rate("8M")


def test_the_default_cap_is_four_times_the_source_but_never_below_a_normal_video() -> None:
    assert default_cap(HD, 50_000_000) == 200_000_000
    assert 9_000_000 < default_cap(HD, 500_000) < 10_000_000
    assert default_cap(HD, None) == default_cap(HD, 0)


@pytest.mark.parametrize("codec", ["h264", "hevc", "av1", "vp9"])
def test_a_source_of_a_gigabit_does_not_ask_more_of_an_encoder_than_it_takes(tmp_path: Path, codec: str) -> None:
    rate = {"BPS": "1200000000"}  # as uncompressed 4K has
    source = media.make_video(tmp_path / "night.mkv", codec="ffv1", frames=3, stream_metadata=rate)
    _, writer = enhance(source, tmp_path / "day.mkv", codec=codec)
    assert writer.frames_written == 3


def test_noise_that_is_brightened_does_not_blow_the_file_up(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    pictures = []
    for _ in range(50):
        frame = av.VideoFrame(320, 240, "yuv420p")
        frame.planes[0].update(rng.integers(16, 236, (240, 320), np.uint8))
        for plane in frame.planes[1:]:
            plane.update(rng.integers(16, 240, (120, 160), np.uint8))
        pictures.append(frame)
    source = media.make_video(tmp_path / "night.mkv", codec="ffv1", height=240, width=320, pictures=pictures)

    for codec in ("h264", "hevc", "av1", "vp9"):
        _, writer = enhance(source, tmp_path / f"{codec}.mkv", codec=codec, max_bitrate="1M")
        rate = writer.video_bytes * 8 / 2
        assert rate < 3_500_000, f"{codec}: {rate}"  # 1M and a buffer of 2 seconds, for 2 seconds of pure noise


def test_hevc_in_mp4_has_the_tag_that_apple_plays(tmp_path: Path) -> None:
    source = media.make_video(tmp_path / "night.mp4", frames=2)

    enhance(source, tmp_path / "day.mp4", codec="hevc")

    assert b"hvc1" in (tmp_path / "day.mp4").read_bytes()


def test_the_index_of_an_mp4_comes_first(tmp_path: Path) -> None:
    source = media.make_video(tmp_path / "night.mp4")

    enhance(source, tmp_path / "day.mp4")

    data = (tmp_path / "day.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize(
    ("codec", "container", "height", "width"),
    [("hevc", "mkv", 18, 34), ("hevc", "mkv", 32, 48), ("av1", "webm", 256, 16)],
)
def test_sizes_at_which_an_encoder_crashes_or_waits_for_ever_are_refused(
    tmp_path: Path, codec: str, container: str, height: int, width: int
) -> None:
    source = media.make_video(tmp_path / "night.mkv", height=height, width=width, frames=3)

    with pytest.raises(SinkError, match=rf"takes no side below \d+ pixels and the video has {width}x{height}"):
        enhance(source, tmp_path / f"day.{container}", codec=codec)
    enhance(source, tmp_path / f"day.{container}")  # with another one
