"""The page: one file, whole or not at all, that says where videos do not match."""

import base64
import json
import os
import re
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from streamllie.cli import app
from streamllie.compare import report as reports
from streamllie.compare import views
from streamllie.compare.report import compare
from streamllie.compare.views import upright, view_size
from streamllie.errors import OutputExists, SinkError, SourceError
from streamllie.frame import VideoFormat
from tests.command import streamllie
from tests.compare.conftest import shot
from tests.media import make_video


def data_of(page) -> dict:
    text = page.read_text(encoding="utf-8")
    (found,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    return json.loads(found)


def picture(uri: str) -> np.ndarray:
    head, data = uri.split(",")
    assert head == "data:image/jpeg;base64"
    return cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR)


def test_the_page_holds_every_frame_of_both_as_pictures_and_numbers(dark, bright, tmp_path):
    found = compare(dark, bright, tmp_path / "page.html")
    data = data_of(tmp_path / "page.html")
    assert found.moments == len(data["shots"]) == 20
    assert found.notes == ()
    first = [picture(uri) for uri in data["shots"][0]["pictures"]]
    assert [p.shape for p in first] == [(48, 64, 3)] * 2
    assert first[1].mean() > 5 * first[0].mean()
    assert [column["name"] for column in data["columns"]] == ["frame", "time", "before", "after"]
    assert all(len(column["values"]) == 20 for column in data["columns"])
    assert found.before.flicker < 0.1 < found.after.flicker
    assert found.before.bit_rate == pytest.approx(8 * dark.stat().st_size / 0.8, rel=0.5)


def test_nothing_on_the_page_comes_from_elsewhere(dark, bright, tmp_path):
    compare(dark, bright, tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    addresses = set(re.findall(r"(?:https?:)?//[\w.]+", re.sub(r"base64,[\w+/=]+", "", text)))
    assert addresses == {"http://www.w3.org"}  # the name of SVG, which nobody fetches
    assert "default-src 'none'" in text


def test_a_reference_is_a_third_picture_with_a_psnr(dark, bright, tmp_path):
    truth = shot(tmp_path / "truth.mkv", lambda n: 1.0)
    found = compare(dark, bright, tmp_path / "page.html", reference=truth)
    data = data_of(tmp_path / "page.html")
    assert data["names"] == ["night.mkv", "day.mkv", "truth.mkv"]
    assert all(len(shot["pictures"]) == 3 for shot in data["shots"])
    assert found.after.psnr > found.before.psnr + 20
    assert found.after.flicker_to_reference > found.before.flicker_to_reference


def test_where_videos_do_not_match_the_page_says_so(dark, tmp_path):
    other = shot(tmp_path / "other.mkv", lambda n: 1.0, frames=50, height=32, width=48, rate=50)
    notes = compare(dark, other, tmp_path / "page.html").notes
    assert notes == (
        "before is 64x48 and after is 48x32: shown at the size of before",
        "before is 0.80 s long and after 1.00 s: compared over 0.80 s",
    )
    assert data_of(tmp_path / "page.html")["notes"] == list(notes)


def test_another_frame_rate_is_said(dark, tmp_path):
    fast = shot(tmp_path / "fast.mkv", lambda n: 1.0, frames=40, rate=50)
    (note,) = compare(dark, fast, tmp_path / "page.html").notes
    assert (
        note == "before has 20 frames and after 40: each frame of before is compared with what after shows at its time"
    )


@pytest.mark.parametrize("other", ["after", "reference"])
def test_a_video_of_another_size_beside_a_reference_gives_no_psnr_and_says_it(dark, bright, tmp_path, other):
    odd = shot(tmp_path / "odd.mkv", lambda n: 1.0, height=32, width=48)
    after, truth = (odd, bright) if other == "after" else (bright, odd)
    found = compare(dark, after, tmp_path / "page.html", reference=truth)
    assert found.after.psnr is None
    assert "no PSNR: all three videos must be of one size" in found.notes


def test_a_long_video_is_held_in_a_budget_and_the_page_says_how(dark, bright, tmp_path, monkeypatch):
    monkeypatch.setattr(views, "MOST", 8)
    monkeypatch.setattr(reports, "ROWS", 15)
    monkeypatch.setattr(reports, "POINTS", 10)
    spoilt = shot(tmp_path / "spoilt.mkv", lambda n: 0.1 + 0.5 * (n == 10))
    found = compare(spoilt, bright, tmp_path / "page.html", reference=dark)
    data = data_of(tmp_path / "page.html")
    assert [shot["index"] for shot in data["shots"]] == [0, 4, 8, 12, 16]
    assert min(value for _, value in data["psnr"][0]) < 20, (
        "the frame that is another is on no picture, but in the curve"
    )
    assert data["columns"][0]["values"] == [0, 4, 8, 12, 16]
    assert len(data["curves"][1]) <= 10
    assert np.ptp([value for _, value in data["curves"][1]]) > 3  # the flicker is seen
    assert found.notes == (
        "the page holds pictures of 5 of 20 frames, evenly chosen; figures are of all",
        "the table has the frames that are shown as pictures",
    )


def test_pictures_that_are_too_many_bytes_are_fewer(dark, bright, tmp_path, monkeypatch):
    compare(dark, bright, tmp_path / "all.html")
    monkeypatch.setattr(views, "BUDGET", 10_000)
    compare(dark, bright, tmp_path / "few.html")
    few = data_of(tmp_path / "few.html")["shots"]
    assert 1 <= len(few) < 20
    assert sum(len(uri) * 3 / 4 for shot in few for uri in shot["pictures"]) < 11_000


def test_a_turned_video_stands_upright(tmp_path):
    lying = make_video(tmp_path / "phone.mp4", rotation=90)
    compare(lying, lying, tmp_path / "page.html")
    data = data_of(tmp_path / "page.html")
    assert (data["height"], data["width"]) == (64, 48)
    assert picture(data["shots"][0]["pictures"][0]).shape == (64, 48, 3)


def test_colours_are_those_that_libav_shows(tmp_path):
    video = make_video(tmp_path / "colour.mkv", codec="ffv1", tags={"colorspace": 1, "color_range": 1})
    compare(video, video, tmp_path / "page.html")
    ours = picture(data_of(tmp_path / "page.html")["shots"][3]["pictures"][0])[:, :, ::-1].astype(int)
    with av.open(str(video)) as file:
        theirs = list(file.decode(video=0))[3].to_ndarray(format="rgb24").astype(int)
    assert np.abs(ours - theirs).mean() < 3  # JPEG


def test_a_name_with_markup_stays_a_name(bright, tmp_path):
    odd = shot(tmp_path / "<script>alert(1)<", lambda n: 0.1, muxer="matroska")
    compare(odd, bright, tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<script>alert" not in text
    assert data_of(tmp_path / "page.html")["names"][0] == "<script>alert(1)<"


def test_a_name_that_is_no_text_does_not_cost_the_page(dark, bright, tmp_path):
    odd = Path(os.fsdecode(bytes(tmp_path) + b"/nacht\xe9.mp4"))
    odd.symlink_to(dark)
    few = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = streamllie("compare", odd, bright, "-o", tmp_path / "n\u00fc.html", env=few)
    assert done.returncode == 0, done.stderr
    assert "nacht\\udce9.mp4" in (tmp_path / "n\u00fc.html").read_text(encoding="utf-8")


def test_an_existing_page_stays_unless_it_may_be_replaced(dark, bright, tmp_path):
    (tmp_path / "page.html").write_text("mine")
    with pytest.raises(OutputExists, match="--overwrite"):
        compare(dark, bright, tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text() == "mine"
    compare(dark, bright, tmp_path / "page.html", overwrite=True)
    assert data_of(tmp_path / "page.html")["moments"] == 20


def test_bad_names_are_one_sentence_and_leave_nothing(dark, bright, tmp_path):
    before = sorted(tmp_path.iterdir())
    with pytest.raises(SinkError, match=r'"page\.mp4" is not a name for a page; let it end in \.html'):
        compare(dark, bright, tmp_path / "page.mp4")
    with pytest.raises(SourceError, match="there is no file"):
        compare(dark, tmp_path / "gone.mkv", tmp_path / "page.html")
    with pytest.raises(SinkError, match="there is no folder"):
        compare(dark, bright, tmp_path / "no" / "page.html")
    assert sorted(tmp_path.iterdir()) == before


def test_the_command_writes_the_page_and_says_what_it_found(dark, bright, tmp_path):
    page = str(tmp_path / "page.html")
    done = CliRunner().invoke(app, ["compare", str(dark), str(bright), "-o", page])
    assert done.exit_code == 0, done.output
    assert "20 frames compared" in done.stdout
    assert "flicker 0.00 -> 1." in done.stdout
    again = CliRunner().invoke(app, ["compare", str(dark), str(bright), "-o", page, "--overwrite", "--json"])
    event = json.loads(again.stdout)
    assert event["event"] == "done"
    assert event["after"]["brightness"] > 9 * event["before"]["brightness"]
    refused = CliRunner().invoke(app, ["compare", str(dark), str(tmp_path / "gone.mkv"), "-o", page, "--overwrite"])
    assert refused.exit_code == 1
    assert "there is no file" in refused.stderr


def test_without_a_name_the_page_is_report_html_in_the_folder_at_hand(dark, bright, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["compare", str(dark), str(bright)])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "report.html").is_file()


def test_a_view_is_turned_and_then_mirrored_as_players_do():
    rgb = np.zeros((48, 64, 3), np.uint8)
    rgb[:12, :16] = 255  # the upper left corner
    seen = [(0, True, (0, -1)), (90, False, (-1, 0)), (90, True, (-1, -1)), (180, True, (-1, 0))]
    for turned, mirrored, corner in seen:
        video = VideoFormat(height=48, width=64, rotation=turned, mirrored=mirrored)
        assert upright(rgb, video, view_size(video))[corner].tolist() == [255, 255, 255]
