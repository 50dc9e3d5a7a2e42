"""Photographs from Debian's packages as training pictures.

    apt-get download NAME ... && python -m training.photos NAME*.deb ... --out DATA/debian-photos

`photos.toml` lists the packages, what is taken from each, and its terms. Pictures become smaller, so that what
compression left in them is gone. `SOURCES.txt` beside them says where each is from.
"""

import argparse
import struct
import subprocess
import tempfile
import tomllib
import zlib
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from streamllie.target import write_whole
from training.command import said, write_picture
from training.planes import decoded

LIST = Path(__file__).with_name("photos.toml")
LONGEST = 1024  # pixels
SHRINK = 0.75  # at most so much of a picture's sides is left
SMALLEST = 300  # pixels: what has a shorter side is an icon


@said("photos")
def main() -> None:
    """Parse the command line and write the pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packages", type=Path, nargs="+", metavar="PACKAGE.deb", help="those of photos.toml")
    parser.add_argument("--out", type=Path, required=True, help="folder for the pictures, made where there is none")
    args = parser.parse_args()
    listed = tomllib.loads(LIST.read_text(encoding="utf-8"))
    args.out.mkdir(parents=True, exist_ok=True)
    sources: dict[str, str] = {}  # by the name of the picture
    try:
        for package in args.packages:
            name, version = _dpkg("-f", package, "Package"), _dpkg("-f", package, "Version")
            if name not in listed:
                raise ValueError(f"nothing is listed for {package}; {LIST.name} has: {', '.join(sorted(listed))}")
            for inside, bgr in pictures(package, listed[name]):
                stems = dict.fromkeys((Path(Path(inside).parts[0]).stem, Path(inside).stem))
                target = args.out / f"{name}-{'-'.join(stems)}.jpg"
                write_picture(target, bgr)
                sources[target.name] = f"{name} {version}, {inside}. {listed[name]['terms']}"
    finally:  # also of the pictures before one that failed
        tell(args.out / "SOURCES.txt", sources)
    print(f"{len(sources)} pictures in {args.out}")


def tell(path: Path, sources: dict[str, str]) -> None:
    """Write where pictures are from, a line each; lines of other pictures stay."""
    before = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    all_of_them = dict(line.split(": ", 1) for line in before if ": " in line) | sources
    text = "".join(f"{name}: {source}\n" for name, source in sorted(all_of_them.items()))
    if text:
        write_whole(path, lambda path: path.write_text(text, encoding="utf-8"), overwrite=True)


def pictures(package: Path, listed: dict[str, Any]) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Names inside the package and pictures (H, W, 3) uint8 BGR, of all that is `listed` for it.

    Raises:
        ValueError: a name that is listed is not there, so it is another version of the package.
    """
    with tempfile.TemporaryDirectory() as unpacked:
        _dpkg("-x", package, unpacked)
        found = dict(_files(Path(unpacked) / listed["folder"]))
        for pattern in listed["names"]:
            names = sorted(name for name in found if fnmatch(name, pattern))
            if not names:
                raise ValueError(f"{package} has no {listed['folder']}/{pattern}; {LIST.name} is about Debian 12")
            for name in names:
                bgr = decoded(found[name])
                if bgr is not None and min(bgr.shape[:2]) >= SMALLEST:
                    scale = min(SHRINK, LONGEST / max(bgr.shape))
                    smaller = cv2.resize(bgr, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
                    yield name, smaller.astype(np.uint8, copy=False)


def _files(folder: Path) -> Iterator[tuple[str, bytes]]:
    """All files below a folder, those in Qt resource files too: names relative to it, and what is in them."""
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and not p.is_symlink()):
        name = path.relative_to(folder).as_posix()
        if path.suffix == ".rcc":
            try:
                inside = list(resources(path.read_bytes()))
            except (struct.error, zlib.error) as error:
                raise ValueError(f"{name} is damaged ({error}); get the package again") from error
            yield from ((f"{name}/{file}", data) for file, data in inside)
        else:
            yield name, path.read_bytes()


def resources(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Names and contents of a Qt resource file, see Qt's `rcc --binary`; not those compressed with zstd."""
    magic, version, tree, contents, names = struct.unpack_from(">4sIIII", data)
    if magic != b"qres":
        raise ValueError("a .rcc file that is no Qt resource file")
    size = 14 + 8 * (version >= 2)  # later ones have the time of the last change too

    def walk(node: int, path: str) -> Iterator[tuple[str, bytes]]:
        at = tree + node * size
        name, flags = struct.unpack_from(">IH", data, at)
        letters = struct.unpack_from(">H", data, names + name)[0]
        if node:
            text = data[names + name + 6 : names + name + 6 + 2 * letters].decode("utf-16-be")
            path = f"{path}/{text}" if path else text
        if flags & 2:
            count, first = struct.unpack_from(">II", data, at + 6)
            for child in range(first, first + count):
                yield from walk(child, path)
            return
        start = contents + struct.unpack_from(">I", data, at + 10)[0]
        body = data[start + 4 : start + 4 + struct.unpack_from(">I", data, start)[0]]
        if not flags & 4:
            yield path, zlib.decompress(body[4:]) if flags & 1 else body

    yield from walk(0, "")


def _dpkg(*words: str | Path) -> str:
    """What dpkg-deb prints; where it fails, its own words as a ValueError."""
    done = subprocess.run(["dpkg-deb", *map(str, words)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise ValueError(done.stderr.strip() or f"dpkg-deb {words[0]} failed")
    return done.stdout.strip()


if __name__ == "__main__":
    main()
