"""Real pairs: the same scene dark and bright. LOL-v1 has rules of its own; any other folder is taken as it is.

Validation never sees a scene of training. Neighbouring numbers of LOL-v1 are one scene, so runs of them are held out;
of a folder of your own, the last tenth in the order of names.
"""

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
PICTURES = {".png", ".jpg", ".jpeg", ".webp", ".bmp"}


def training_pairs(folder: Path, *, hold_out: bool) -> list[tuple[Rgb, Rgb]]:
    """Low and high pictures to train on; without `hold_out`, those of validation too."""
    if folder.parts[-2:] == tuple(LOL.split("/")):
        data = folder.parents[1]
        numbers = lol_numbers(data, held_out=False)
        if not hold_out:
            numbers = sorted({int(p.stem) for p in (folder / "low").iterdir()} - BAD_PAIRS)
        return [lol_pair(data, number) for number in numbers]
    names = pair_names(folder)
    return [read_pair(folder, name) for name in (names[: -held_back(names)] if hold_out else names)]


def validation_pairs(folder: Path) -> list[tuple[Rgb, Rgb]]:
    """Low and high pictures of the scenes that are held out."""
    if folder.parts[-2:] == tuple(LOL.split("/")):
        data = folder.parents[1]
        return [lol_pair(data, number) for number in lol_numbers(data, held_out=True)]
    names = pair_names(folder)
    return [read_pair(folder, name) for name in names[-held_back(names) :]]


def held_back(names: list[str]) -> int:
    """How many of a folder's pairs are for validation: a tenth, at least one."""
    return max(1, len(names) // 10)


def pair_names(folder: Path) -> list[str]:
    """Names, without ending, of the pairs of a folder with low/ and high/.

    Raises:
        ValueError: there are fewer than two pairs, or a picture lacks its partner.
    """
    low, high = ({p.stem for p in (folder / k).glob("*") if p.suffix.lower() in PICTURES} for k in ("low", "high"))
    if alone := sorted(low ^ high):
        raise ValueError(f"{folder}: no partner for {', '.join(alone)}; low/ and high/ must hold the same names")
    if len(low) < 2:
        raise ValueError(f"{folder} has {len(low)} pairs; give a folder with low/ and high/ that holds two at least")
    return sorted(low)


def read_pair(folder: Path, name: str) -> tuple[Rgb, Rgb]:
    """Low and high picture of one name.

    Raises:
        ValueError: their sizes differ.
    """
    low, high = (
        read_rgb(next(p for p in sorted((folder / kind).glob(f"{name}.*")) if p.suffix.lower() in PICTURES))
        for kind in ("low", "high")
    )
    if low.shape != high.shape:
        raise ValueError(f"{folder}: {name} is {low.shape[:2]} in low/ and {high.shape[:2]} in high/")
    return low, high


def lol_numbers(data: Path, *, held_out: bool) -> list[int]:
    """Usable pair numbers of lol-v1/train, either those for training or those of the validation scenes."""
    numbers = sorted(int(p.stem) for p in (data / "lol-v1/train/low").iterdir())
    good = [n for n in numbers if n not in BAD_PAIRS]
    if held_out:
        return [n for n in good if any(n in run for run in HELD_OUT)]
    return [n for n in good if not any(run.start - MARGIN <= n < run.stop + MARGIN for run in HELD_OUT)]


def lol_pair(data: Path, number: int) -> tuple[Rgb, Rgb]:
    """Low and high picture of one LOL-v1 training pair, one over the other."""
    low, high = (read_rgb(next((data / "lol-v1/train" / kind).glob(f"{number}.*"))) for kind in ("low", "high"))
    return aligned(low, high, *SHIFTED.get(number, (0, 0)))


def aligned(low: Rgb, high: Rgb, down: int, right: int) -> tuple[Rgb, Rgb]:
    """The part that both pictures show, where `low` is `high` moved down and to the right by so many pixels."""
    height, width = high.shape[0] - abs(down), high.shape[1] - abs(right)
    (low_y, high_y), (low_x, high_x) = ((max(0, shift), max(0, -shift)) for shift in (down, right))
    return low[low_y:, low_x:][:height, :width], high[high_y:, high_x:][:height, :width]
