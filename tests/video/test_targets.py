"""What an output may be called: any name that takes nothing from anybody, told before the work."""

import os
from pathlib import Path

import pytest

from streamllie.errors import OutputExists, SinkError
from streamllie.target import check_target, keep_as, temporary_name
from tests import media
from tests.video.chain import enhance, names, times


def test_a_source_that_is_not_there_does_not_hide_that_the_target_exists(night: Path) -> None:
    with pytest.raises(OutputExists, match="choose another name"):
        check_target(night, source=night.with_name("missing.mp4"))


def test_an_existing_file_is_never_overwritten_without_being_told(night: Path) -> None:
    target = night.with_name("day.mp4")
    target.write_text("precious")

    with pytest.raises(OutputExists, match=r"day\.mp4.* exists; .*--overwrite"):
        enhance(night, target)
    assert target.read_text() == "precious"

    enhance(night, target, overwrite=True)
    assert len(times(target)) == media.FRAMES


@pytest.mark.parametrize("how", ["same", "symlink", "hardlink"])
def test_the_input_is_never_the_output(night: Path, how: str) -> None:
    target = night if how == "same" else night.with_name("day.mp4")
    if how == "symlink":
        target.symlink_to(night)
    elif how == "hardlink":
        target.hardlink_to(night)
    before = night.read_bytes()

    with pytest.raises(SinkError, match="is the input itself"):
        enhance(night, target, overwrite=True)

    assert night.read_bytes() == before


@pytest.mark.parametrize("name", ["day", "day.txt", "day.xyz"])
def test_an_unknown_extension_is_refused_with_those_that_are_known(night: Path, name: str) -> None:
    with pytest.raises(SinkError, match=r"no video container here; use one of: .*\.mkv.*\.mp4"):
        enhance(night, night.with_name(name))


def test_a_missing_folder_is_named(night: Path) -> None:
    with pytest.raises(SinkError, match=r"there is no folder .*nowhere"):
        enhance(night, night.parent / "nowhere" / "day.mp4")


def test_a_folder_is_no_target(night: Path) -> None:
    (night.parent / "day.mp4").mkdir()
    with pytest.raises(SinkError, match="is a folder"):
        enhance(night, night.parent / "day.mp4", overwrite=True)


def test_a_folder_that_cannot_be_written_to_is_refused_before_any_work(night: Path) -> None:
    folder = Path("/proc/self") if os.geteuid() == 0 else night.parent / "locked"  # root may write anywhere else
    if os.geteuid() != 0:
        folder.mkdir(mode=0o500)

    with pytest.raises(SinkError, match=r"day\.mp4|cannot be written"):
        enhance(night, folder / "day.mp4")


def test_a_pipe_or_a_link_to_nothing_is_no_target_and_stays(night: Path) -> None:
    pipe, link = night.with_name("pipe.mp4"), night.with_name("link.mp4")
    os.mkfifo(pipe)
    link.symlink_to("nothing.mp4")

    for target, overwrite in ((pipe, True), (link, False), (link, True)):
        with pytest.raises(SinkError, match=r"is a pipe|is a link"):
            check_target(target, source=night, overwrite=overwrite)


def test_a_link_stays_one_and_what_it_leads_to_is_replaced(night: Path) -> None:
    folder = night.parent / "elsewhere"
    folder.mkdir()
    (folder / "day.mp4").write_bytes(b"old")
    link = night.with_name("link.mp4")
    link.symlink_to("elsewhere/day.mp4")

    enhance(night, link, overwrite=True)

    assert link.is_symlink()
    assert (folder / "day.mp4").stat().st_size > 1000
    assert sorted(path.name for path in folder.iterdir()) == ["day.mp4"]


def test_targets_are_checked_before_any_work(night: Path) -> None:
    check_target(night.with_name("day.mp4"), source=night)
    with pytest.raises(OutputExists):
        check_target(night, source=None)


def test_a_name_that_the_system_would_end_early_is_refused(night: Path) -> None:
    with pytest.raises(SinkError, match="has a NUL character in it"):
        enhance(night, night.with_name("day.mp4") / "\0x.mp4")
    assert names(night.parent) == ["night.mp4"]


@pytest.mark.parametrize(
    "name", ["a:b.mp4", "100%d.mp4", "Grüße aus dem Dunkel.mkv", "-day.mp4", "[x]*?.mp4", "http:day.mkv"]
)
def test_strange_names_are_only_names(tmp_path: Path, name: str) -> None:
    (tmp_path / "out").mkdir()
    night = media.make_video(tmp_path / "night.mp4")
    night.rename(tmp_path / name)

    enhance(tmp_path / name, tmp_path / "out" / name)

    assert names(tmp_path / "out") == [name]
    assert len(times(Path(f"file:{tmp_path / 'out' / name}"))) == media.FRAMES


def test_a_name_as_long_as_the_file_system_takes_is_only_a_name(night: Path) -> None:
    target = night.with_name("ä" * 125 + "x.mp4")  # 255 bytes

    enhance(night, target)

    assert names(night.parent) == ["night.mp4", target.name]
    assert len(os.fsencode(temporary_name(target).name)) <= 255
    assert len(os.fsencode(keep_as(target, target, "partial").name)) <= 255
