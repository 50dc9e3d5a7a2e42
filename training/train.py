"""Train a model from a recipe: python -m training.train configs/lite.toml --data DATA --out runs/lite

Read it top to bottom. A run is resumed by giving the same command again. `--out` receives checkpoint.pt (weights,
their moving average, optimiser, step and recipe) and log.csv.
"""

import argparse
import copy
import csv
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from streamllie.models.memory import Memory
from streamllie.models.network import Network
from training import losses, recipe
from training.datasets import Planes, Samples, validation
from training.recipe import Recipe


def main() -> None:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="data folder, see training/README.md")
    parser.add_argument("--out", type=Path, required=True, help="folder for checkpoint and log")
    parser.add_argument("--init", type=Path, help="start from the averaged weights of this checkpoint")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    train(recipe.read(args.recipe), data=args.data, out=args.out, init=args.init)


def train(plan: Recipe, *, data: Path, out: Path, init: Path | None = None) -> Path:
    """Run a recipe to its end, resuming what `out` holds; returns the checkpoint's path."""
    out.mkdir(parents=True, exist_ok=True)
    path = out / "checkpoint.pt"
    torch.manual_seed(plan.seed)
    network = Network(plan.network).to(memory_format=torch.channels_last)  # a seventh faster on a CPU
    if init:
        network.load_state_dict(torch.load(init, weights_only=True)["average"])
    average = copy.deepcopy(network).requires_grad_(False)
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=plan.learning_rate, weight_decay=plan.weight_decay, betas=(0.9, 0.99)
    )
    step = 0
    if path.exists():
        saved = torch.load(path, weights_only=True)
        network.load_state_dict(saved["network"])
        average.load_state_dict(saved["average"])
        optimiser.load_state_dict(saved["optimiser"])
        step = saved["step"]
    samples = Samples(plan, data)
    unseen = validation(plan, data)
    log = Log(out / "log.csv")
    saved_at, running, started, first = time.monotonic(), 0.0, time.monotonic(), step

    while step < plan.steps:
        last = step >= plan.steps - plan.last_steps
        size, crop = (plan.last_batch, plan.last_crop) if last else (plan.batch, plan.crop)
        network.train(step < plan.steps - plan.frozen_steps)  # matters to batch norm alone
        planes = to_float(samples.batch(step, size=size, crop=crop))
        dark, bright = planes[:3], planes[3:]
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(plan, step)

        out_planes = network(*dark, Memory())
        loss = losses.total(out_planes, bright, ssim_weight=plan.ssim_weight, chroma_weight=plan.chroma_weight)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(network.parameters(), plan.clip_norm)
        if math.isfinite(norm.item()):
            optimiser.step()
            update(average, network, min(plan.ema, (step + 1) / (step + 10)))
            running += 0.01 * (loss.item() - running) if step > first else loss.item()
        step += 1

        if step % plan.validate_every == 0 or step == plan.steps:
            log.write(
                step=step,
                loss=round(running, 5),
                **{f"psnr_{name}": round(validate(average, pairs), 3) for name, pairs in unseen.items()},
                lr=f"{learning_rate(plan, step):.2e}",
                seconds_per_step=round((time.monotonic() - started) / (step - first), 4),
            )
        if time.monotonic() - saved_at > plan.checkpoint_minutes * 60 or step == plan.steps:
            save(path, network=network, average=average, optimiser=optimiser, step=step, plan=plan)
            saved_at = time.monotonic()
    return path


def learning_rate(plan: Recipe, step: int) -> float:
    """Linear warm-up, then half a cosine down to a hundredth."""
    if step < plan.warmup:
        return plan.learning_rate * (step + 1) / plan.warmup
    share = (step - plan.warmup) / max(1, plan.steps - plan.warmup)
    return plan.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * share)))


def to_float(batch: Sequence[np.ndarray]) -> list[Tensor]:
    """uint8 planes y, u, v, y, u, v, ... as the network takes them: luma in [0, 1], chroma in [-0.5, 0.5]."""
    return [(torch.from_numpy(plane).float() - (128 if i % 3 else 0)) / 255 for i, plane in enumerate(batch)]


@torch.no_grad()
def update(average: Network, network: Network, keep: float) -> None:
    """Move the average towards the network; batch-norm statistics are averages already and are copied."""
    for old, new in zip(average.parameters(), network.parameters(), strict=True):
        old.lerp_(new, 1 - keep)
    for old, new in zip(average.buffers(), network.buffers(), strict=True):
        old.copy_(new)


@torch.no_grad()
def validate(network: Network, pairs: list[tuple[np.ndarray, np.ndarray]]) -> float:
    """Mean PSNR in dB over whole pictures, on planes weighed as RGB error weighs them."""
    network.eval()
    scores: list[float] = []
    for low, high in pairs:
        h, w = low.shape[0] // 16 * 16, low.shape[1] // 16 * 16
        dark, bright = (Planes.of(np.ascontiguousarray(p[:h, :w])) for p in (low, high))
        planes = to_float([p[None, None] for p in (dark.y, dark.u, dark.v, bright.y, bright.u, bright.v)])
        result = network(*planes[:3], Memory())
        y, u, v = ((a - b).square().mean().item() for a, b in zip(result, planes[3:], strict=True))
        scores.append(-10 * math.log10(y + 1.09 * u + 0.83 * v))  # RGB mean square error by the BT.601 matrix
    network.train()
    return float(np.mean(scores))


def save(
    path: Path, *, network: Network, average: Network, optimiser: torch.optim.Optimizer, step: int, plan: Recipe
) -> None:
    """Write a checkpoint whole or not at all."""
    unfinished = path.with_suffix(".new")
    torch.save(
        {"network": network.state_dict(), "average": average.state_dict(), "optimiser": optimiser.state_dict(),
         "step": step, "recipe": plan.as_dict()}, unfinished)  # fmt: skip
    unfinished.replace(path)


class Log:
    """Rows of figures in a CSV file, also printed."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, **row: Any) -> None:
        """Append one row; the first one writes the header."""
        new = not self.path.exists()
        with self.path.open("a", newline="") as file:
            writer = csv.DictWriter(file, row)
            if new:
                writer.writeheader()
            writer.writerow(row)
        print(" ".join(f"{key}={value}" for key, value in row.items()), flush=True)


if __name__ == "__main__":
    main()
