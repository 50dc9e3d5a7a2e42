"""Score a model on pictures, through the same engine and the same uint8 planes that users get.

    python -m training.evaluate --model lite --pairs DIR     # DIR/low and DIR/high, pictures of the same names
    python -m training.evaluate --model lite --made DATA     # bright pictures made dark, see datasets.validation
    python -m training.evaluate --model lite --bright DIR    # well-lit pictures, which should come out as they are

The brightness of the truth is never used. PSNR and SSIM are of RGB uint8; `clipped` is the share of pixels that are
white or saturated in the result and were not in the truth. `--sheet` draws dark, ours and truth side by side;
`--record NAME` writes the scores into the manifest of the model's shelf.
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
from training.datasets import validation
from training.export import record
from training.metrics import psnr, ssim
from training.recipe import Mixture, Recipe

Rgb = NDArray[np.uint8]
BEST = 60.0  # dB; equal pictures count as this in a mean
PICTURES = {".png", ".jpg", ".jpeg", ".webp", ".bmp"}


@dataclass(frozen=True)
class Score:
    """How close one picture came."""

    name: str
    psnr: float  # dB, at most BEST
    ssim: float  # 1 is equal
    clipped: float  # share of pixels that touch 255 and did not in the truth


def main() -> None:
    """Parse the command line, score and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="lite", help="name on the shelf, or a file")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--pairs", type=Path, metavar="DIR", help="folder with low/ and high/")
    what.add_argument("--made", type=Path, metavar="DATA", help="the data folder of training/README.md")
    what.add_argument("--bright", type=Path, metavar="DIR", help="folder of well-lit pictures")
    parser.add_argument("--camera", default="", help="with --made: calibrated cameras whose name begins with this")
    parser.add_argument("--backend", default="auto")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--each", action="store_true", help="print every picture's scores")
    parser.add_argument("--sheet", type=Path, help="write a contact sheet to this file")
    parser.add_argument("--record", metavar="NAME", help="keep the scores in the manifest under this name")
    args = parser.parse_args()

    if args.pairs:
        pictures = pairs(args.pairs)
    elif args.made:
        made = validation(Recipe(name="", mixture=Mixture(pairs=0), unseen_camera=args.camera), args.made)["made"]
        pictures = ((str(i), dark, bright) for i, (dark, bright) in enumerate(made))
    else:
        pictures = ((path.stem, picture, picture) for path, picture in _folder(args.bright))
    scores: list[Score] = []
    rows: list[Rgb] = []
    with Enhancer(args.model, backend=args.backend, precision=args.precision) as enhance:
        for name, low, high in pictures:
            out = enhance(low)
            scores.append(Score(name, min(BEST, psnr(out, high)), ssim(out, high), clipped(out, high)))
            if args.each:
                print(f"{name:>12}  {scores[-1].psnr:6.2f} dB  {scores[-1].ssim:.4f}")
            if args.sheet:
                rows.append(np.hstack([_small(p) for p in (low, out, high)]))
    summary = {
        "n": len(scores),
        "psnr": round(float(np.mean([s.psnr for s in scores])), 3),
        "ssim": round(float(np.mean([s.ssim for s in scores])), 4),
    }
    if args.bright:
        summary["worst_psnr"] = round(min(s.psnr for s in scores), 3)
        summary["clipped"] = round(float(np.mean([s.clipped for s in scores])), 5)
    print(json.dumps(summary) if args.json else ", ".join(f"{name} {value}" for name, value in summary.items()))
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


def clipped(out: Rgb, truth: Rgb) -> float:
    """Share of pixels with a channel at 255 that had none in the truth."""
    return float(np.mean((out == 255).any(axis=2) & ~(truth == 255).any(axis=2)))


def _folder(folder: Path) -> Iterator[tuple[Path, Rgb]]:
    paths = [p for p in sorted(folder.glob("*")) if p.suffix.lower() in PICTURES]
    if not paths:
        raise SystemExit(f"{folder} has no pictures")
    for path in paths:
        yield path, _read(path)


def _read(path: Path) -> Rgb:
    bgr = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if bgr is None:
        raise SystemExit(f"{path} is not a readable picture")
    return np.ascontiguousarray(bgr[:, :, ::-1])


def _small(rgb: Rgb, width: int = 300) -> Rgb:
    return cv2.resize(rgb, (width, round(rgb.shape[0] * width / rgb.shape[1])), interpolation=cv2.INTER_AREA)


if __name__ == "__main__":
    main()
