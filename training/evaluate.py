"""Score a model on pictures, through the same engine and the same uint8 planes that users get.

    python -m training.evaluate --model lite --pairs DIR     # DIR/low and DIR/high, pictures of the same names
    python -m training.evaluate --model lite --made DATA     # bright pictures made dark, see datasets.validation
    python -m training.evaluate --model lite --bright DIR    # well-lit pictures, which should come out as they are
    python -m training.evaluate --model lite --clips DATA    # clips made dark: how steady they come out, see steadiness

The brightness of the truth is never used for PSNR and SSIM, which are of RGB uint8; `colour` is the mean CIE 1976 delta
E after a global match of exposure; `clipped` is the share of pixels that are white or saturated in the result and were
not in the truth. `--sheet` draws dark, ours and truth side by side;
`--record NAME` writes the scores into the manifest of the model's shelf.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from streamllie import Enhancer, shelf
from training import steadiness
from training.clips import scenes
from training.command import picture_target, said, write_picture
from training.datasets import MADE_FROM, validation
from training.export import record
from training.metrics import colour_error, psnr, ssim
from training.pairs import check_size, find_pairs, is_picture, read_pair
from training.planes import Rgb, read_rgb
from training.recipe import Mixture, Recipe

SHEET = 300  # pixels: width of a picture on a sheet
BEST = 60.0  # dB; equal pictures count as this in a mean


@dataclass(frozen=True)
class Score:
    """How close one picture came."""

    name: str
    psnr: float  # dB, at most BEST
    ssim: float  # 1 is equal
    colour: float  # mean delta E after a global match of exposure
    clipped: float  # share of pixels that touch 255 and did not in the truth

    def __str__(self) -> str:
        return (
            f"{self.name:>12}  {self.psnr:6.2f} dB  {self.ssim:.4f}  dE {self.colour:5.2f}  clipped {self.clipped:.2%}"
        )


def main() -> None:
    """Parse the command line, score and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="lite", help="name on the shelf, or a file")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--pairs", type=Path, metavar="DIR", help="folder with low/ and high/")
    what.add_argument("--made", type=Path, metavar="DATA", help="the data folder of training/README.md")
    what.add_argument("--bright", type=Path, metavar="DIR", help="folder of well-lit pictures")
    what.add_argument("--clips", type=Path, metavar="DATA", help="the same folder: person D and stills in motion")
    parser.add_argument("--scene", help="with --clips: only scenes whose name begins with this")
    parser.add_argument("--backend", default="auto", help="as of `streamllie enhance`; default: auto")
    parser.add_argument("--precision", default="auto", help="likewise")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--each", action="store_true", help="print every picture's scores")
    parser.add_argument("--sheet", type=picture_target, help="write a contact sheet to this png or jpg")
    parser.add_argument("--record", metavar="NAME", help="keep the scores in the manifest under this name")
    args = parser.parse_args()
    if args.record == "":
        parser.error("--record needs a name")
    if args.scene and not args.clips:
        parser.error("--scene goes with --clips")
    if args.clips and (args.each or args.sheet):
        parser.error("--each and --sheet are of pictures; --clips prints every scene")
    with said("evaluate"):
        if args.record and shelf.find(args.model).parameters is None:
            raise ValueError(f"{args.model} is on no shelf, so its scores cannot be kept; export it first")
        (evaluate_clips if args.clips else evaluate_pictures)(args)


def evaluate_pictures(args: argparse.Namespace) -> None:
    """Print the scores of pairs, of pictures made dark, or of well-lit pictures."""
    if args.pairs:
        pictures = pairs(args.pairs)
    elif args.made:
        made = validation(Recipe(name="", mixture=Mixture(pairs=0)), args.made).get("made")
        if not made:
            raise ValueError(f"{args.made} has no pictures in {MADE_FROM}; give the data folder")
        pictures = ((str(i), dark, bright) for i, (dark, bright) in enumerate(made))
    else:
        pictures = ((path.stem, picture, picture) for path, picture in _folder(args.bright))
    scores: list[Score] = []
    rows: list[Rgb] = []
    with Enhancer(args.model, backend=args.backend, precision=args.precision) as enhance:
        for name, low, high in pictures:
            out = enhance(low)
            scores.append(score(name, out, high))
            if args.each and not args.json:
                print(scores[-1])
            if args.sheet:
                rows.append(np.hstack([_small(p) for p in (low, out, high)]))
    summary = {
        "n": len(scores),
        "psnr": round(float(np.mean([s.psnr for s in scores])), 3),
        "ssim": round(float(np.mean([s.ssim for s in scores])), 4),
        "colour": round(float(np.mean([s.colour for s in scores])), 2),
    }
    if args.bright:
        summary["worst_psnr"] = round(min(s.psnr for s in scores), 3)
        summary["clipped"] = round(float(np.mean([s.clipped for s in scores])), 5)
    if args.json:
        print(json.dumps(summary | ({"each": [asdict(s) for s in scores]} if args.each else {})))
    else:
        print(", ".join(f"{name} {value}" for name, value in summary.items()))
    if args.sheet:
        write_picture(args.sheet, np.vstack(rows)[:, :, ::-1])
    _record(args, summary)


def evaluate_clips(args: argparse.Namespace) -> None:
    """Print a table of every scene, light and mode, then each mode against single frames."""
    chosen = (scene for scene in scenes(args.clips) if scene.name.startswith(args.scene or ""))
    scored: list[steadiness.Row] = []

    def kept() -> Iterator[steadiness.Row]:
        for row in steadiness.rows(chosen, model=args.model, backend=args.backend, precision=args.precision):
            scored.append(row)
            yield row

    for line in steadiness.table(kept()):
        if not args.json:
            print(line, flush=True)
    if not scored:
        raise ValueError(f'no scene of {args.clips} has a name that begins with "{args.scene}"')
    against_single = steadiness.summary(scored)
    if args.json:
        print(json.dumps({"rows": [asdict(row) for row in scored], "against_single": against_single}))
    else:
        for name, values in against_single.items():
            print(f"{name}: {', '.join(f'{key} {value:g}' for key, value in values.items())}")
    _record(args, against_single)


def _record(args: argparse.Namespace, scores: dict[str, Any]) -> None:
    if args.record:
        model = shelf.find(args.model)
        record(model.path.parent, model.name, {"scores": {args.record: scores}})


def pairs(folder: Path) -> Iterator[tuple[str, Rgb, Rgb]]:
    """Name, low and high picture (H, W, 3) of each pair of a folder with low/ and high/.

    Raises:
        ValueError: as `find_pairs` and `read_pair`.
    """
    for low, high in find_pairs(folder, least=1):
        yield low.stem, *read_pair(low, high)


def score(name: str, out: Rgb, truth: Rgb) -> Score:
    """All scores of one result (H, W, 3) against its truth of the same shape."""
    return Score(name, min(BEST, psnr(out, truth)), ssim(out, truth), colour_error(out, truth), clipped(out, truth))


def clipped(out: Rgb, truth: Rgb) -> float:
    """Share of pixels with a channel at 255 that had none in the truth."""
    return float(np.mean((out == 255).any(axis=2) & ~(truth == 255).any(axis=2)))


def _folder(folder: Path) -> Iterator[tuple[Path, Rgb]]:
    paths = [path for path in sorted(folder.glob("*")) if is_picture(path)]
    if not paths:
        raise ValueError(f"{folder} has no pictures")
    for path in paths:
        rgb = read_rgb(path)
        check_size(rgb, str(path))
        yield path, rgb


def _small(rgb: Rgb) -> Rgb:
    height = max(1, round(rgb.shape[0] * SHEET / rgb.shape[1]))
    return cv2.resize(rgb, (SHEET, height), interpolation=cv2.INTER_AREA)


if __name__ == "__main__":
    main()
