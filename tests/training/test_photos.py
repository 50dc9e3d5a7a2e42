import shutil
import struct
import subprocess

import cv2
import numpy as np
import pytest

from training import photos

pytestmark = pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="needs dpkg-deb")


def picture(name, height=400, width=600):
    flat = np.full((height, width, 3), (30, 120, 200), np.uint8)
    return cv2.imencode(name[name.index(".") :], flat)[1].tobytes()


def resource_file(folder, names):
    """A Qt resource file, version 1: one folder with pictures."""
    strings, offsets = b"", []
    for name in ("", folder, *names):
        offsets.append(len(strings))
        strings += struct.pack(">HI", len(name), 0) + name.encode("utf-16-be")
    data = b"".join(struct.pack(">I", len(picture(name))) + picture(name) for name in names)
    starts = np.cumsum([0, *(4 + len(picture(name)) for name in names)])
    nodes = struct.pack(">IHII", offsets[0], 2, 1, 1) + struct.pack(">IHII", offsets[1], 2, len(names), 2)
    for offset, start in zip(offsets[2:], starts, strict=False):
        nodes += struct.pack(">IHHHI", offset, 0, 0, 0, start)
    return struct.pack(">4sIIII", b"qres", 1, 20, 20 + len(nodes), 20 + len(nodes) + len(data)) + nodes + data + strings


@pytest.fixture
def package(tmp_path):
    def make(name, files):
        root = tmp_path / "package"
        for inside, data in files.items():
            (root / inside).parent.mkdir(parents=True, exist_ok=True)
            (root / inside).write_bytes(data)
        (root / "DEBIAN").mkdir()
        about = f"Package: {name}\nVersion: 1.2\nArchitecture: all\nMaintainer: A <a@b.c>\nDescription: photos\n"
        (root / "DEBIAN/control").write_text(about)
        subprocess.run(["dpkg-deb", "-b", root, tmp_path / f"{name}.deb"], check=True, capture_output=True)
        return tmp_path / f"{name}.deb"

    return make


def write(monkeypatch, *words):
    monkeypatch.setattr("sys.argv", ["photos", *map(str, words)])
    photos.main()


def test_listed_photographs_become_smaller_and_say_where_they_are_from(package, tmp_path, monkeypatch, capsys):
    files = {f"usr/share/backgrounds/mate/nature/{name}": picture(name) for name in ("Dune.jpg", "Storm.jpg")}
    files |= {"usr/share/backgrounds/mate/nature/icon.jpg": picture(".jpg", 32, 32)}
    files |= {"usr/share/backgrounds/mate/abstract/Drawn.jpg": picture(".jpg")}
    out = tmp_path / "data/photos"
    write(monkeypatch, package("mate-backgrounds", files), "--out", out)
    names = sorted(path.name for path in out.iterdir())
    assert names == ["SOURCES.txt", "mate-backgrounds-Dune.jpg", "mate-backgrounds-Storm.jpg"]
    assert cv2.imread(str(out / names[1])).shape == (300, 450, 3)
    assert (
        (out / "SOURCES.txt")
        .read_text()
        .startswith("mate-backgrounds-Dune.jpg: mate-backgrounds 1.2, Dune.jpg. GPL 2 or later\n")
    )
    assert "2 pictures" in capsys.readouterr().out


def test_pictures_of_another_day_keep_their_origin(package, tmp_path, monkeypatch):
    first = package("mate-backgrounds", {"usr/share/backgrounds/mate/nature/Dune.jpg": picture("Dune.jpg")})
    write(monkeypatch, first, "--out", tmp_path / "out")
    shutil.rmtree(tmp_path / "package")
    broken = package("plasma-workspace-wallpapers", {"usr/a.jpg": b""})
    shutil.rmtree(tmp_path / "package")
    again = package("mate-backgrounds", {"usr/share/backgrounds/mate/nature/Storm.jpg": picture("Storm.jpg")})
    with pytest.raises(SystemExit, match=r"photos\.toml is about"):
        write(monkeypatch, again, broken, "--out", tmp_path / "out")
    lines = (tmp_path / "out/SOURCES.txt").read_text().splitlines()
    assert [line.split(": ")[0] for line in lines] == ["mate-backgrounds-Dune.jpg", "mate-backgrounds-Storm.jpg"]


def test_pictures_inside_qt_resource_files_are_found(package, monkeypatch):
    listed = {"folder": "usr/rcc", "names": ["erase.rcc/*.png"]}
    made = package("any", {"usr/rcc/erase.rcc": resource_file("animals", ["cat.png", "dog.png"])})
    found = dict(photos.pictures(made, listed))
    assert sorted(found) == ["erase.rcc/animals/cat.png", "erase.rcc/animals/dog.png"]
    assert found["erase.rcc/animals/dog.png"][0, 0].tolist() == [30, 120, 200]


@pytest.mark.parametrize(
    ("name", "files", "words"),
    [
        ("cat-pictures", {"usr/a.jpg": b""}, "nothing is listed for .*cat-pictures.deb; photos.toml has: gcompris"),
        (
            "mate-backgrounds",
            {"usr/a.jpg": b""},
            "has no usr/share/backgrounds/mate/nature/.*jpg; photos.toml is about",
        ),
    ],
)
def test_a_package_that_is_another_one_is_named(name, files, words, package, tmp_path, monkeypatch):
    with pytest.raises(SystemExit, match=words):
        write(monkeypatch, package(name, files), "--out", tmp_path / "out")


def test_what_is_no_package_is_named(tmp_path, monkeypatch):
    (tmp_path / "no.deb").write_text("This is a letter, not a package.")
    with pytest.raises(SystemExit, match=r"dpkg-deb: error: .*no\.deb"):
        write(monkeypatch, tmp_path / "no.deb", "--out", tmp_path / "out")
