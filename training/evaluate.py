"""Score a model on pairs of pictures: python -m training.evaluate --model lite --pairs DIR [--json]

DIR holds two folders, `low` and `high`, with pictures of the same names. Pictures go through the same engine and the
same uint8 planes that users get; the brightness of the truth is never used. `--sheet` draws dark, ours and truth side
by side; `--record NAME` writes the scores into the manifest of the model's shelf.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from streamllie import Enhancer, shelf
from training.export import record
from training.metrics import psnr, ssim

Rgb = NDArray[np.uint8]
PICTURES = {".png", ".jpg", ".jpeg", ".webp", ".bmp"}


@dataclass(frozen=True)
class Score:
    """How close one picture came."""

    name: str
    psnr: float  # dB
    ssim: float  # 1 is equal


def main() -> None:
    """Parse the command line, score and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="lite", help="name on the shelf, or a file")
    parser.add_argument("--pairs", type=Path, required=True, help="folder with low/ and high/")
    parser.add_argument("--backend", default="auto")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--each", action="store_true", help="print every picture's scores")
    parser.add_argument("--sheet", type=Path, help="write a contact sheet to this file")
    parser.add_argument("--record", metavar="NAME", help="keep the scores in the manifest under this name")
    args = parser.parse_args()

    scores: list[Score] = []
    rows: list[Rgb] = []
    with Enhancer(args.model, backend=args.backend, precision=args.precision) as enhance:
        for name, low, high in pairs(args.pairs):
            out = enhance(low)
            scores.append(Score(name, psnr(out, high), ssim(out, high)))
            if args.each:
                print(f"{name:>12}  {scores[-1].psnr:6.2f} dB  {scores[-1].ssim:.4f}")
            if args.sheet:
                rows.append(np.hstack([_small(p) for p in (low, out, high)]))
    summary = {
        "n": len(scores),
        "psnr": round(float(np.mean([s.psnr for s in scores])), 3),
        "ssim": round(float(np.mean([s.ssim for s in scores])), 4),
    }
    print(json.dumps(summary) if args.json else "{n} pictures: PSNR {psnr} dB, SSIM {ssim}".format(**summary))
    if args.sheet:
        cv2.imwrite(str(args.sheet), np.vstack(rows)[:, :, ::-1])
    if args.record:
        model = shelf.find(args.model)
        record(model.path.parent, model.name, {"scores": model.scores | {args.record: summary}})


def pairs(folder: Path) -> Iterator[tuple[str, Rgb, Rgb]]:
    """Name, low and high picture (H, W, 3) of each pair of a folder with low/ and high/.

    Raises:
        SystemExit: there are no pairs, a picture lacks its partner, or their sizes differ.
    """
    lows = {p.stem: p for p in sorted((folder / "low").glob("*")) if p.suffix.lower() in PICTURES}
    highs = {p.stem: p for p in sorted((folder / "high").glob("*")) if p.suffix.lower() in PICTURES}
    if not lows:
        raise SystemExit(f"{folder} has no pictures in low/; --pairs takes a folder with low/ and high/")
    if alone := sorted(lows.keys() ^ highs.keys()):
        raise SystemExit(f"{folder}: no partner for {', '.join(alone)}; low/ and high/ must hold the same names")
    for name, path in lows.items():
        low, high = _read(path), _read(highs[name])
        if low.shape != high.shape:
            raise SystemExit(f"{folder}: {name} is {low.shape[:2]} in low/ and {high.shape[:2]} in high/")
        yield name, low, high


def _read(path: Path) -> Rgb:
    bgr = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if bgr is None:
        raise SystemExit(f"{path} is not a readable picture")
    return np.ascontiguousarray(bgr[:, :, ::-1])


def _small(rgb: Rgb, width: int = 300) -> Rgb:
    return cv2.resize(rgb, (width, round(rgb.shape[0] * width / rgb.shape[1])), interpolation=cv2.INTER_AREA)


if __name__ == "__main__":
    main()
