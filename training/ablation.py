"""Do ADR and POG help? Train the same network with and without them, on the same data, budget and seeds.

    python -m training.ablation --data DATA --out runs/ablation      # trains what is missing, then prints the table

Every variant differs from the default network (`lite` as it was at first) in the decoder's gated block alone, see
`VARIANTS`. Short runs on real pairs; scores are of held-out scenes. Time is a 1280x720 frame through OpenVINO, float32,
all variants taking turns; run it on an idle machine.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from streamllie import shelf
from streamllie.backends import open_engine
from streamllie.frame import Frame, VideoFormat
from streamllie.models.adr import ADR
from streamllie.models.export import for_bytes, trace
from streamllie.models.memory import Memory, pool
from streamllie.models.network import Gate, Network, NetworkSize
from streamllie.models.pog import POG
from training import checkpoints
from training.command import said
from training.losses import ssim
from training.pairs import LOL, validation_pairs
from training.planes import Rgb
from training.recipe import Losses, Mixture, Recipe
from training.train import plane_psnr, train, whole

RECIPE = Recipe(
    name="ablation",
    mixture=Mixture(pairs=1, dark=0, bright=0, black=0),
    losses=Losses(ssim=0.2),
    steps=1_200,
    crop=(128, 128),
    last_steps=200,
    last_crop=(256, 384),
    frozen_steps=400,
    warmup=200,
    learning_rate=1.5e-3,
    ema=0.99,
    validate_every=10_000,
)
SEEDS = (1, 2, 3)
ROUNDS = 15  # in which every variant is timed once
LIMITS = ((0.0, 1.0), (-0.5, 0.5), (-0.5, 0.5))  # of y, u, v


class Plain(POG):
    """Dynamic parameters without orthogonal bases: each scalar's embedding is weighed by the image code itself."""

    def mix(self, code: Tensor) -> Tensor:
        """(B, d) to (B, P, d)."""
        return code[:, None, :] * self.embedding * len(code[0])  # softmax codes are small


class Generated(nn.Module):
    """A 1x1 convolution whose whole kernel is made anew for each image."""

    def __init__(self, kind: type[POG], width: int) -> None:
        super().__init__()
        self.pog = kind(width, width, pooled=width, d=8)
        self.bias = nn.Parameter(torch.zeros(width, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """(B, w, H, W) to the same shape."""
        return self.pog(x, pool(x)) + self.bias


def generated(kind: type[POG]) -> Network:
    """A static network but for the projections of the decoder's gates."""
    network = Network(NetworkSize(adr_m=0))
    for gate in decoder_gates(network):
        gate.project = Generated(kind, network.size.coarse)
    return network


def plain_adr() -> Network:
    """ADR whose kernels are made without orthogonal bases."""
    network = Network()
    for gate in decoder_gates(network):
        assert gate.adr
        channels, size = len(gate.adr.scale), network.size
        gate.adr.down = Plain(channels, size.adr_m, pooled=channels, d=size.adr_d)
        gate.adr.up = Plain(size.adr_m, channels, pooled=channels, d=size.adr_d)
    return network


class StaticAdr(ADR):
    """The same low-rank correction with kernels that are the same for every image."""

    def __init__(self, channels: int, *, m: int, d: int) -> None:
        super().__init__(channels, m=m, d=d)
        self.down, self.up = nn.Conv2d(channels, m, 1, bias=False), nn.Conv2d(m, channels, 1, bias=False)

    def forward(self, attention: Tensor, memory: Memory) -> Tensor:
        """(B, c, H, W) to the same shape."""
        return attention + self.scale[:, :, None] * self.up(self.down(attention))


def static_adr() -> Network:
    """Low-rank corrections that are trained like any other weight."""
    network = Network()
    for gate in decoder_gates(network):
        gate.adr = StaticAdr(2 * network.size.coarse, m=network.size.adr_m, d=network.size.adr_d)
    return network


def decoder_gates(network: Network) -> list[Gate]:
    """The half-blocks of the decoder, where ADR sits."""
    return [module for module in network.decoder.modules() if isinstance(module, Gate)]


VARIANTS: dict[str, Callable[[], Network]] = {
    "static": lambda: Network(NetworkSize(adr_m=0)),
    "dynamic projections, no orthogonal bases": lambda: generated(Plain),
    "POG projections": lambda: generated(POG),
    "ADR, static kernels": static_adr,
    "ADR, dynamic kernels, no orthogonal bases": plain_adr,
    "ADR+POG": Network,
    "static, parameters of ADR+POG": lambda: Network(NetworkSize(adr_m=0, coarse=46, deep=46)),
    "static, time of ADR+POG": lambda: Network(NetworkSize(adr_m=0, coarse=48, deep=48)),
}


@said("ablation")
def main() -> None:
    """Parse the command line, train what is missing, score, and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="data folder, see training/README.md")
    parser.add_argument("--out", type=Path, required=True, help="folder for the runs")
    parser.add_argument("--only", choices=VARIANTS, help="train this variant alone, print nothing")
    args = parser.parse_args()
    torch.set_num_threads(1)
    for seed in SEEDS:
        for name, build in VARIANTS.items():
            if args.only in {None, name} and not finished(args.out, name, seed):
                torch.manual_seed(seed)
                train(replace(RECIPE, seed=seed), data=args.data, out=run(args.out, name, seed), network=build())
    if args.only:
        return
    times = measure_times()
    pairs = validation_pairs(args.data / LOL)
    print("| network | parameters | PSNR, dB | SSIM | time, ms |\n| --- | --- | --- | --- | --- |")
    for name, build in VARIANTS.items():
        scores = [score(trained(args.out, name, seed), pairs) for seed in SEEDS]
        psnr, similarity = zip(*scores, strict=True)
        count = sum(p.numel() for p in build().parameters())
        print(
            f"| {name} | {count:,} | {statistics.mean(psnr):.2f} ({min(psnr):.2f} to {max(psnr):.2f}) "
            f"| {statistics.mean(similarity):.4f} | {times[name]:.1f} |"
        )


def run(out: Path, name: str, seed: int) -> Path:
    """The folder of one run."""
    return out / f"{name.replace(' ', '-').replace(',', '')}-{seed}"


def finished(out: Path, name: str, seed: int) -> bool:
    """Whether a run has come to its end."""
    path = run(out, name, seed) / "checkpoint.pt"
    return path.exists() and checkpoints.read(path).get("step", 0) >= RECIPE.steps


def trained(out: Path, name: str, seed: int) -> Network:
    """The averaged network of one run, in eval mode."""
    network, path = VARIANTS[name](), run(out, name, seed) / "checkpoint.pt"
    try:
        network.load_state_dict(checkpoints.read(path)["average"])
    except (RuntimeError, KeyError) as error:
        raise ValueError(f"{path} is no checkpoint of this ablation ({type(error).__name__}); remove it") from error
    return network.eval().requires_grad_(False)


def score(network: Network, pairs: list[tuple[Rgb, Rgb]]) -> tuple[float, float]:
    """Mean PSNR in dB and mean SSIM of luma over whole pictures."""
    scores = [score_one(network, *pair) for pair in pairs]
    return float(np.mean([a for a, _ in scores])), float(np.mean([b for _, b in scores]))


@torch.no_grad()
def score_one(network: Network, low: Rgb, high: Rgb) -> tuple[float, float]:
    """PSNR in dB and SSIM of luma of one pair (H, W, 3)."""
    planes = whole(low, high)
    result = [p.clamp(*limits) for p, limits in zip(network(*planes[:3], Memory()), LIMITS, strict=True)]
    return plane_psnr(result, planes[3:]), ssim(result[0], planes[3]).item()


def measure_times() -> dict[str, float]:
    """Median milliseconds of a 1280x720 frame for each variant; they take turns, so that noise hits all alike."""
    rng = np.random.default_rng(0)
    shapes = ((720, 1280), (360, 640), (360, 640))
    format = VideoFormat(height=720, width=1280, full_range=True)
    y, u, v = (rng.integers(10, 60, shape, dtype=np.uint8) for shape in shapes)
    frame = Frame(y=y, u=u, v=v, pts=0, time_base=format.time_base)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        engines = {}
        for index, (name, build) in enumerate(VARIANTS.items()):
            path = Path(folder) / f"{index}.onnx"
            onnx.save(for_bytes(trace(build().eval().requires_grad_(False))), path)
            engine = open_engine(shelf.find(path), format, backend="openvino", precision="fp32")
            engines[name] = stack.enter_context(engine)
        times: dict[str, list[float]] = {name: [] for name in engines}
        for _ in range(ROUNDS):
            for name, engine in engines.items():
                for again in (False, True):  # the first call warms the caches
                    begin = time.perf_counter()
                    engine(frame)
                    if again:
                        times[name].append((time.perf_counter() - begin) * 1000)
    return {name: statistics.median(values) for name, values in times.items()}


if __name__ == "__main__":
    main()
