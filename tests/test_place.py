"""Places: what is a URL, and that none is shown with its secrets."""

from pathlib import Path

import pytest

from streamllie import enhance_video
from streamllie.compare.report import compare
from streamllie.errors import SinkError, SourceError
from streamllie.files import enhance_file, enhance_folder
from streamllie.place import check_port, goes_live, is_url, reads, redacted, redacted_in, scheme_of, visible
from streamllie.target import check_target
from streamllie.video.inputs import resolve
from streamllie.video.livetarget import Target


@pytest.mark.parametrize(
    ("text", "scheme"),
    [
        ("rtsp://host/x", "rtsp"),
        ("SRT://host:9000", "srt"),
        ("night.mp4", None),
        ("C:\\night.mp4", None),
        ("C:/night.mp4", None),
        ("/dev/video0", None),
        ("", None),
    ],
)
def test_urls_are_told_from_paths(text, scheme):
    assert scheme_of(text) == scheme
    assert is_url(text) == (scheme is not None)


@pytest.mark.parametrize("source", ["0", "/dev/video12", "lavfi:testsrc2", "screen::0", "day.sdp"])
def test_what_is_no_file_goes_live_unless_a_file_or_folder_has_that_name(tmp_path, monkeypatch, source):
    monkeypatch.chdir(tmp_path)
    target = Path("day.mp4")
    assert goes_live(Path(source), target)
    if not source.startswith(("/", "day")):
        Path(source).mkdir()
        assert not goes_live(Path(source), target)
    assert goes_live(Path("night.mp4"), Path("live.m3u8"))
    assert not any(goes_live(Path(name), target) for name in ("night.mp4", "2026.mp4", "night", "/dev/sda", "c:0"))


@pytest.mark.parametrize(
    "text",
    [
        "rtsp://admin:hunter2@cam/stream",
        "rtsp://admin:hun@ter2@cam/stream",
        "srt://host:9000?mode=caller&passphrase=hunter2&latency=20",
        "rtsp://admin:p#hunter2@cam/stream",
        "rtsp://admin:p/hunter2@cam/stream",
        "rtsp://cam/user=admin_password=hunter2_channel=1_stream=0.sdp?real_stream",
        "srt://host:9000?streamid=read:cam:bob:hunter2",
        "srt://host:9000?passphrase=a_hunter2",
        "https://host/live.m3u8?token=hunter2",
        "https://host/live.m3u8?a=1;api_key=hunter2#t",
        "rtmp://live.example.com/app/hunter2",
        "rtmp://live.example.com/app/hunter2/",
        "rtmps://live.example.com:443/app/hunter2?bandwidth=1",
    ],
)
def test_no_secret_of_a_url_is_shown(text):
    told = redacted(text)
    assert "hunter2" not in told
    assert "ter2" not in told
    assert "***" in told
    assert told.startswith(text.split("://")[0])


@pytest.mark.parametrize("url", ["rtmp://h/app/hunter2", "srt://h:1?passphrase=hunter2", "http://a:hunter2@h/x"])
def test_a_sentence_with_a_url_keeps_its_other_characters(url):
    assert redacted_in(f'"{url}" is lost ({url}).') == f'"{redacted(url)}" is lost ({redacted(url)}).'
    assert redacted_in(f'"{redacted(url)}" is lost') == f'"{redacted(url)}" is lost'


@pytest.mark.parametrize(
    "url",
    ["rtsp://host/x", "rtsp://me:99999@host:554/x", "srt://[fe80::70000]:9000", "tcp://a:65535", "http://a/x:70000"],
)
def test_a_port_that_can_be_is_taken(url):
    check_port(url, SourceError)


@pytest.mark.parametrize("url", ["rtsp://me:hunter/2@host:70000/x", "udp://[::1]:65536", "tcp://:0?listen=1"])
@pytest.mark.parametrize("understand", [resolve, Target.of])
def test_a_port_that_cannot_be_is_told(url, understand):
    with pytest.raises((SourceError, SinkError), match="; ports go from 1 to 65535") as error:
        understand(url)
    assert "hunter" not in str(error.value)


def test_what_is_no_secret_is_shown():
    assert redacted("srt://host:9000?mode=caller&latency=20") == "srt://host:9000?mode=caller&latency=20"
    assert redacted("rtmp://host/app") == "rtmp://host/app"
    assert redacted("night@home.mp4") == "night@home.mp4"


@pytest.mark.parametrize("take", [enhance_video, enhance_file, enhance_folder, compare], ids=lambda take: take.__name__)
def test_who_takes_files_only_says_so_and_shows_no_secret(take, tmp_path):
    more = (tmp_path / "page.html",) if take is compare else ()
    url, file = "rtsp://user:hunter2@host/x", tmp_path / "night.mp4"
    with pytest.raises(SourceError, match=r'"rtsp://\*\*\*@host/x" is a URL, and this takes files only'):
        take(url, file, *more)
    with pytest.raises(SourceError, match=r"the name 'y\\x00\.mp4' has a NUL character in it; check the name"):
        take("y\0.mp4", file, *more)
    with pytest.raises(SourceError if take is compare else SinkError, match="is a URL"):
        take(file, url, *more)


def test_the_files_that_a_playlist_names_are_a_part_of_it(tmp_path):
    (tmp_path / "all.m3u8").write_text("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlow/p.m3u8\nall.m3u8\n")
    (tmp_path / "low").mkdir()
    (tmp_path / "low/p.m3u8").write_text('#EXTM3U\n#EXT-X-MAP:URI="first.mp4"\n#EXTINF:1,\np0.ts\nhttp://h/p1.ts\n')
    for name in ("p0.ts", "first.mp4", "other.ts"):
        (tmp_path / "low" / name).write_bytes(b"here")
    for playlist in (tmp_path / "all.m3u8", tmp_path / "low/p.m3u8"):
        assert [name for name in ("p0.ts", "first.mp4", "other.ts") if reads(playlist, tmp_path / "low" / name)] == [
            "p0.ts",
            "first.mp4",
        ]
        with pytest.raises(SinkError, match=r'p0\.ts" is the input itself, or a part of it'):
            check_target(tmp_path / "low/p0.ts", source=playlist, overwrite=True)


def test_no_name_steers_a_terminal():
    assert visible("\x1b[2Jnight\n\r\x9b5m\u202e.mp4\udce9") == r"\x1b[2Jnight\n\r\x9b5m\u202e.mp4\udce9"
    assert visible("Łódź, 夜.mp4") == "Łódź, 夜.mp4"
