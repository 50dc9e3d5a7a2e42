"""A recipe: everything that decides a training run. A TOML file lists what differs from the defaults below."""

import math
import tomllib
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from streamllie.models.network import SHRINK, NetworkSize
from training.degrade import SHARES


@dataclass(frozen=True, kw_only=True)
class Mixture:
    """Where training pictures come from: the weight of each kind of sample."""

    pairs: float = 0.5  # real pairs
    dark: float = 0.35  # clean pictures, darkened as a camera would
    bright: float = 0.13  # well-lit and mildly dark pictures that should come out as they are
    black: float = 0.02  # no light at all: noise that should come out black


@dataclass(frozen=True, kw_only=True)
class Losses:
    """Weights of the losses, see losses.py; Charbonnier on luma has weight 1."""

    chroma: float = 1.0  # Charbonnier on chroma: colour
    ssim: float = 0.15  # structural similarity of luma, at `scales` scales
    scales: int = 1  # 1: SSIM; more: MS-SSIM
    temporal: float = 0.5  # of clips: Charbonnier on the change of luma from frame to frame
    wandering: float = 0.0  # of clips: how far the error of brightness wanders over time
    moving: float = 0.0  # of clips: mean absolute difference where temporal denoising has nothing to go by
    clipped: float = 0.0  # brightness beyond the target's and near white
    edge: float = 0.0  # Charbonnier on the differences of neighbouring pixels of luma


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A training run. Times are in steps, sizes in pixels."""

    name: str
    network: NetworkSize = field(default_factory=NetworkSize)
    mixture: Mixture = field(default_factory=Mixture)
    # Folders of clean pictures; one that is named twice comes twice as often.
    clean: tuple[str, ...] = ("bsds500/train", "open-photos", "clips", "lol-v1/train/high")
    foreground: float = 0.0  # share of the clean pictures with something dark or pale before them, see foreground.py
    coloured: float = 0.0  # share of the clean pictures in light of one colour or two, see coloured.py
    varied: bool = False  # clean pictures in other colours, contrasts and saturations too: where there are few of them
    noise: tuple[float, float] = SHARES  # least and most noise, in shares of the calibrated cameras'
    grainy: float = 0.0  # share of the dark pictures whose noise has a coarse grain, and whose colours were mixed
    pairs: str = "lol-v1/train"  # folder with low/ and high/, see pairs.py
    jitter: float = 0.0  # deviation of the logarithm of a random gain on the dark pictures of real pairs
    hold_out: bool = True  # keep the validation pairs out of training
    seed: int = 1
    steps: int = 40_000
    batch: int = 8
    crop: tuple[int, int] = (192, 192)  # height, width
    clips: float = 0.0  # share of the steps that take clips instead of pictures, to train what goes on over time
    clip_batch: int = 2
    clip_frames: int = 5
    clip_crop: tuple[int, int] = (160, 160)
    last_steps: int = 4_000  # of the steps, so many at the end use `last_crop` and `last_batch`
    last_crop: tuple[int, int] = (384, 576)  # nearly whole frames: global pooling sees in training what it sees in use
    last_batch: int = 2
    frozen_steps: int = 0  # of the steps, so many at the end train the very function that is exported: batch norm
    # uses its running statistics, so what they would let explode is seen and unlearned
    only: str = ""  # train only what has a name that begins so, as "history."; the rest stays as --init gave it
    kept: str = ""  # what has a name that begins so stays as --init gave it, the rest is trained
    learning_rate: float = 1e-3
    warmup: int = 500
    weight_decay: float = 1e-4
    clip_norm: float = 1.0  # gradients are clipped to this norm; a step whose norm is not finite is skipped
    ema: float = 0.999
    losses: Losses = field(default_factory=Losses)
    autocast: bool = False  # bfloat16 where it is exact enough: helps on GPUs, an eighth on a CPU that has it
    validate_every: int = 2_000
    checkpoint_minutes: float = 4.0

    def as_dict(self) -> dict[str, Any]:
        """For the checkpoint."""
        return asdict(self)


POSITIVE = ("clip_norm", "noise")
# Numbers that make sense from here on; all others do from 0.
LEAST = {
    **dict.fromkeys(("steps", "batch", "clip_batch", "clip_frames", "last_batch", "validate_every", "scales"), 1),
    **dict.fromkeys(("fine", "coarse", "deep", "head", "tone", "adr_d"), 1),
    **dict.fromkeys(POSITIVE, 1e-9),
}
MOST = {"clips": 1, "ema": 1, "coloured": 1, "foreground": 1, "grainy": 1, "seed": 2**63 - 1}
SSIM_WINDOW = 11  # pixels of a side
CROPS = ("crop", "last_crop", "clip_crop")


def read(path: Path, network: NetworkSize | None = None) -> Recipe:
    """A recipe from a TOML file; its name is the file's unless it says another.

    The file's [network] lists what differs from `network`, that of the weights to start from, or from the defaults.

    Raises:
        ValueError: it is not TOML, there is a key that no recipe has, or a value that makes no sense.
    """
    try:
        return build({"name": path.stem} | tomllib.loads(path.read_text(encoding="utf-8")), network)
    except ValueError as error:  # no UTF-8, no TOML, or as below
        raise ValueError(f"{path} is no recipe: {error}") from error


def build(values: dict[str, Any], network: NetworkSize | None = None) -> Recipe:
    """As `read`, from plain values."""
    values = dict(values)
    begun = {"network": network or NetworkSize(), "mixture": Mixture(), "losses": Losses()}
    usual = {f.name: f.default for f in fields(Recipe)} | begun | {"name": ""}
    _check(values, usual, "recipe")
    for key, part in begun.items():
        given = values.get(key, {})
        _check(given, vars(part), key)
        values[key] = replace(part, **given)
    for key, value in values.items():
        values[key] = tuple(value) if isinstance(value, list) else value
    made = Recipe(**values)
    if not sum(vars(made.mixture).values()):
        raise ValueError("all of mixture is 0; give one of it a share")
    if made.noise[0] > made.noise[1]:
        raise ValueError(f"noise is {list(made.noise)}; write the least first")
    used = {"crop": made.clips < 1, "last_crop": made.last_steps, "clip_crop": made.clips}
    least = SSIM_WINDOW << (made.losses.scales - 1)
    for key in CROPS:
        if made.losses.ssim and used[key] and min(getattr(made, key)) < least:
            raise ValueError(
                f"{key} is {list(getattr(made, key))}; SSIM at {made.losses.scales} scales needs {least} pixels"
            )
    return made


def _check(given: dict[str, Any], usual: dict[str, Any], name: str) -> None:
    if unknown := sorted(set(given) - set(usual)):
        raise ValueError(f"unknown {name} keys {unknown}; there are: {', '.join(sorted(usual))}")
    for key, value in given.items():
        _check_value(key, value, usual[key])


def _check_value(key: str, value: Any, usual: Any) -> None:
    """Raise unless a value is of the kind that is usual there, and in the range that makes sense."""
    kind = type(usual)
    if is_dataclass(kind):
        if not isinstance(value, dict):
            raise ValueError(f"{key} is {value!r}; it must be a table: [{key}]")
    elif kind is tuple:
        if not isinstance(value, list | tuple) or (key != "clean" and len(value) != len(usual)):
            raise ValueError(f"{key} is {value!r}; it must be a list, such as {list(usual)}")
        for part in value:
            _check_value(key, part, usual[0])
        if key in CROPS and (min(value) <= 0 or any(side % SHRINK for side in value)):
            raise ValueError(f"{key} is {list(value)}; both sides must be multiples of {SHRINK}")
    elif not isinstance(value, int | float if kind is float else kind) or isinstance(value, bool) != (kind is bool):
        word = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}[kind]
        raise ValueError(f"{key} is {value!r}; it must be {word}")
    elif kind is float and math.isinf(value):
        raise ValueError(f"{key} is {value}; it must be finite")
    elif kind in {int, float} and not LEAST.get(key, 0) <= value <= MOST.get(key, math.inf):
        least = f"at least {LEAST.get(key, 0)}" if key not in POSITIVE else "more than 0"
        most = f" and at most {MOST[key]}" if key in MOST else ""
        raise ValueError(f"{key} is {value}; it must be {least}{most}")
