"""Draw a contact sheet of two videos: python -m training.sheet examples/night.mp4 bright.mp4 sheet.jpg

Every row is one moment, at an equal distance from the next: left the first video, right the second.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from training.command import at_least, picture_target, said, write_picture
from training.planes import read_clip


@said("sheet")
def main() -> None:
    """Parse the command line and draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("sheet", type=picture_target)
    parser.add_argument("--rows", type=at_least(1), default=2)
    parser.add_argument("--width", type=at_least(16), default=480, help="of one picture, in pixels")
    args = parser.parse_args()
    columns = [moments(path, count=args.rows, width=args.width) for path in (args.before, args.after)]
    rows = [np.hstack(pair) for pair in zip(*columns, strict=True)]
    write_picture(args.sheet, np.vstack(rows)[:, :, ::-1])


def moments(path: Path, *, count: int, width: int) -> list[NDArray[np.uint8]]:
    """Pictures (H, width, 3) RGB from the middle of each of `count` equal parts of a video."""
    pictures = [
        cv2.resize(rgb, (width, round(rgb.shape[0] * width / rgb.shape[1])), interpolation=cv2.INTER_AREA)
        for rgb in read_clip(path)
    ]
    if len(pictures) < count:
        raise ValueError(f"{path} has {len(pictures)} readable pictures, {count} are wanted")
    return [pictures[(2 * i + 1) * len(pictures) // (2 * count)] for i in range(count)]


if __name__ == "__main__":
    main()
