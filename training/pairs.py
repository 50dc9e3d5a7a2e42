"""Real pairs: the same scene dark and bright. LOL-v1 has rules of its own; any other folder is taken as it is.

Validation never sees a scene of training. Neighbouring numbers of LOL-v1 are one scene, so runs of them are held out;
of a folder of your own, the last tenth in the order of names.
"""

from collections.abc import Sequence
from pathlib import Path

from training.planes import Rgb, read_rgb

LOL = "lol-v1/train"
# LOL-v1 train pairs whose two pictures do not show the same: the first is wrong, the others are poorly correlated.
BAD_PAIRS = frozenset({648, 142, 237, 238, 698, 699, 585, 586, 587, 588, 590, 591, 27, 28, 183})
# Pairs whose camera moved: what is at (y, x) in the bright picture is at (y + down, x + right) in the dark one. The
# shift with the largest correlation of log luma without its low frequencies, which rises by 0.03 to 0.16.
SHIFTED = {
    9: (-1, 0), 328: (2, 1), 330: (2, 1), 494: (1, 0), 495: (1, 0), 515: (2, 0), 569: (1, 1), 570: (-2, 0),
    571: (-1, 0), 574: (1, 0), 649: (0, 2), 677: (-1, 0), 700: (-2, 0), 701: (-2, 0),
}  # fmt: skip
# Neighbouring numbers of LOL-v1 are one scene, so whole runs of numbers are held out, with a margin that nobody uses.
HELD_OUT = (range(60, 80), range(250, 270), range(440, 460), range(620, 640))
MARGIN = 6
SMALLEST = (16, 16)  # height and width: what the network works on
PICTURES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"}


def training_pairs(folder: Path, *, hold_out: bool, least: tuple[int, int] = SMALLEST) -> list[tuple[Rgb, Rgb]]:
    """Low and high pictures to train on; without `hold_out`, those of validation too.

    Raises:
        ValueError: as `find_pairs` and `read_pair`.
    """
    if _is_lol(folder):
        data = folder.parents[1]
        numbers = lol_numbers(data, held_out=False) if hold_out else _good_numbers(data)
        pairs = [lol_pair(data, number) for number in numbers]
        for number, (low, _) in zip(numbers, pairs, strict=True):
            check_size(low, f"pair {number} of {folder}", least)
        return pairs
    pairs = find_pairs(folder)
    return [read_pair(*files, least=least) for files in (pairs[: -held_back(pairs)] if hold_out else pairs)]


def validation_pairs(folder: Path) -> list[tuple[Rgb, Rgb]]:
    """Low and high pictures of the scenes that are held out.

    Raises:
        ValueError: as `find_pairs` and `read_pair`.
    """
    if _is_lol(folder):
        data = folder.parents[1]
        return [lol_pair(data, number) for number in lol_numbers(data, held_out=True)]
    pairs = find_pairs(folder)
    return [read_pair(*files) for files in pairs[-held_back(pairs) :]]


def held_back(pairs: Sequence[object]) -> int:
    """How many of a folder's pairs are for validation: a tenth, at least one."""
    return max(1, len(pairs) // 10)


def find_pairs(folder: Path, *, least: int = 2) -> list[tuple[Path, Path]]:
    """The files of a folder with low/ and high/ that have the same name, without ending, in the order of the names.

    Raises:
        ValueError: there are fewer pairs than `least`, a picture lacks its partner, or two of a folder share a name.
    """
    low, high = (_by_name(folder / kind) for kind in ("low", "high"))
    if alone := sorted(low.keys() ^ high.keys()):
        raise ValueError(f"{folder}: no partner for {', '.join(alone)}; low/ and high/ must hold the same names")
    if len(low) < least:
        raise ValueError(f"{folder} has {len(low)} pairs; give a folder with low/ and high/ that holds {least} or more")
    return [(low[name], high[name]) for name in sorted(low)]


def _by_name(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if not is_picture(path):
            continue
        if (other := found.setdefault(path.stem, path)) != path:
            raise ValueError(f"{folder} has both {other.name} and {path.name}; which is meant? Remove one")
    return found


def is_picture(path: Path) -> bool:
    """Whether a file is a picture by its name, and none that is hidden, as other systems leave them."""
    return path.suffix.lower() in PICTURES and not path.name.startswith(".")


def read_pair(low: Path, high: Path, *, least: tuple[int, int] = SMALLEST) -> tuple[Rgb, Rgb]:
    """The two pictures.

    Raises:
        ValueError: one of them cannot be read to its end, is smaller than `least` (height, width), or they differ in
            size.
    """
    dark, bright = read_rgb(low), read_rgb(high)
    if dark.shape != bright.shape:
        raise ValueError(f"{low} is {_size(dark)} and {high} is {_size(bright)}; the two of a pair must be of one size")
    check_size(dark, str(low), least)
    return dark, bright


def check_size(rgb: Rgb, name: str, least: tuple[int, int] = SMALLEST) -> None:
    """Raise ValueError if a picture is smaller than `least` (height, width)."""
    if rgb.shape[0] < least[0] or rgb.shape[1] < least[1]:
        raise ValueError(f"{name} is {_size(rgb)}; here a picture must be {least[1]}x{least[0]} at least: leave it out")


def _size(rgb: Rgb) -> str:
    return f"{rgb.shape[1]}x{rgb.shape[0]}"


def _is_lol(folder: Path) -> bool:
    return folder.parts[-2:] == tuple(LOL.split("/"))


def lol_numbers(data: Path, *, held_out: bool) -> list[int]:
    """Usable pair numbers of lol-v1/train, either those for training or those of the validation scenes."""
    good = _good_numbers(data)
    if held_out:
        return [n for n in good if any(n in run for run in HELD_OUT)]
    return [n for n in good if not any(run.start - MARGIN <= n < run.stop + MARGIN for run in HELD_OUT)]


def _good_numbers(data: Path) -> list[int]:
    folder = data / LOL / "low"
    names = [path.stem for path in folder.iterdir() if is_picture(path)]
    if wrong := sorted(name for name in names if not name.isdecimal()):
        raise ValueError(f"{folder} has {wrong[0]}, and LOL-v1 has numbers; name a folder of your own otherwise")
    return sorted(set(map(int, names)) - BAD_PAIRS)


def lol_pair(data: Path, number: int) -> tuple[Rgb, Rgb]:
    """Low and high picture of one LOL-v1 training pair, one over the other."""
    files = [next((data / LOL / kind).glob(f"{number}.*"), None) for kind in ("low", "high")]
    if files[0] is None or files[1] is None:
        raise ValueError(f"{data / LOL}: no partner for {number}; low/ and high/ must hold the same names")
    low, high = map(read_rgb, files)
    return aligned(low, high, *SHIFTED.get(number, (0, 0)))


def aligned(low: Rgb, high: Rgb, down: int, right: int) -> tuple[Rgb, Rgb]:
    """The part that both pictures show, where `low` is `high` moved down and to the right by so many pixels."""
    height, width = high.shape[0] - abs(down), high.shape[1] - abs(right)
    (low_y, high_y), (low_x, high_x) = ((max(0, shift), max(0, -shift)) for shift in (down, right))
    return low[low_y:, low_x:][:height, :width], high[high_y:, high_x:][:height, :width]
