"""Train a model from a recipe: python -m training.train configs/lite.toml --data DATA --out runs/lite

Read it top to bottom. A run is stopped by Ctrl-C and resumed by giving the same command again. `--out` receives
checkpoint.pt (weights, their moving average, optimiser, step and recipe), best.pt (the average at the step that did
best on held-out pairs, or else on pictures made dark, if there are any), log.csv and curves.png. Several GPUs: torchrun
--nproc-per-node N -m training.train ...; each takes batches of its own, and gradients are averaged.
"""

import argparse
import copy
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn
from torch.utils.data import DataLoader

from streamllie.models.checkpoint import load
from streamllie.models.memory import Memory
from streamllie.models.network import SHRINK, Network
from training import losses, recipe
from training.checkpoints import differences, grow, resume, save, save_average, sweep
from training.command import at_least, said, set_by_signals
from training.curves import Log
from training.datasets import Samples, validation
from training.gradients import Captured, Eager
from training.planes import Planes, Rgb
from training.processes import join, leave, told_to_stop
from training.recipe import Recipe


def main() -> None:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path, help="a file of configs/, or your own")
    parser.add_argument("--data", type=Path, required=True, help="data folder, see training/README.md")
    parser.add_argument("--out", type=Path, required=True, help="folder for checkpoint and log")
    parser.add_argument(
        "--init", type=Path, nargs="+", default=(), metavar="CHECKPOINT",
        help="start from the averaged weights of this checkpoint; of several, a later one replaces what it has itself",
    )  # fmt: skip
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu", help="default: %(default)s")
    parser.add_argument("--threads", type=at_least(1), default=1, help="of the CPU; default: 1")
    parser.add_argument(
        "--workers", type=at_least(0), default=0, help="processes that make pictures meanwhile: for a GPU"
    )
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    stop = threading.Event()
    with said("training"), set_by_signals(stop):
        plan = recipe.read(args.recipe, load(args.init[-1]).size if args.init else None)
        train(plan, data=args.data, out=args.out, init=args.init, device=args.device, workers=args.workers, stop=stop)
    if stop.is_set():
        if not int(os.environ.get("RANK", "0")):
            print("training: stopped and saved; the same command goes on from there", file=sys.stderr)
        sys.exit(130)


def train(
    plan: Recipe,
    *,
    data: Path,
    out: Path,
    init: Sequence[Path] = (),
    device: str = "cpu",
    workers: int = 0,
    network: nn.Module | None = None,
    stop: threading.Event | None = None,
) -> Path:
    """Run a recipe to its end, resuming what `out` holds; returns the checkpoint's path.

    `workers` processes make the pictures, the same ones as without. `network` takes the place of the recipe's, for
    comparisons of architectures. Once `stop` is set, it ends after the step at hand, which is saved. Of several
    processes, all do so when one is told to. Afterwards `stop` is set if the run has not come to its end.

    Raises:
        ValueError: the recipe does not go with the device, the data, or what `out` holds.
        OSError, StreamLLIEError: a file cannot be read or written.
    """
    device, rank, world = join(device)
    out.mkdir(parents=True, exist_ok=True)
    path, best = out / "checkpoint.pt", out / "best.pt"
    network = begin(plan, init, network).to(device, memory_format=torch.channels_last)  # a seventh faster
    average = copy.deepcopy(network).requires_grad_(False)
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=plan.learning_rate, weight_decay=plan.weight_decay, betas=(0.9, 0.99)
    )
    sweep(out)
    step, begun = resume(path, network=network, average=average, optimiser=optimiser) if path.exists() else (0, {})
    if step and rank == 0:
        tell_how_it_goes_on(path, plan, step, begun)
    model = nn.parallel.DistributedDataParallel(network) if world > 1 else network
    loss_of = partial(batch_loss, model, plan, device)
    recorded = world == 1 and torch.device(device).type == "cuda"
    gradients = Captured(loss_of, network, device) if recorded else Eager(loss_of, network)
    batches = Batches(plan, data, rank=rank, world=world)
    coming = iter(
        DataLoader(batches, None, sampler=range(step, plan.steps), num_workers=workers, worker_init_fn=one_thread)
    )
    unseen = validation(plan, data) if rank == 0 else {}
    log = Log(out / "log.csv", until=step)
    saved_at = started = time.monotonic()
    running, first, stopped = log.loss, step, False  # the mean of the last losses

    while step < plan.steps and not stopped:
        network.train(step < plan.steps - plan.frozen_steps)  # matters to batch norm alone
        prepare(optimiser, plan, step, rank)
        loss = gradients(next(coming))
        norm = torch.nn.utils.clip_grad_norm_(network.parameters(), plan.clip_norm)
        if math.isfinite(norm.item()):
            optimiser.step()
            update(average, network, min(plan.ema, (step + 1) / (step + 10)))
            running = loss.item() if math.isnan(running) else running + 0.01 * (loss.item() - running)
        step += 1
        stopped = told_to_stop(stop, device, world)

        if rank:
            continue
        validated = step % plan.validate_every == 0 or step == plan.steps
        scores: dict[str, float] = {}
        if validated:
            scores = {f"psnr_{name}": round(validate(average, pairs), 3) for name, pairs in unseen.items()}
        if log.is_best(scores) or (scores and not best.exists()):
            save_average(best, average=average, step=step, plan=plan)  # first: once saved, a step is not done again
        if validated or stopped or time.monotonic() - saved_at > plan.checkpoint_minutes * 60:
            save(path, network=network, average=average, optimiser=optimiser, step=step, plan=plan)
            saved_at = time.monotonic()
        if validated:
            log.write(
                step=step,
                loss=round(running, 5),
                **scores,
                lr=f"{learning_rate(plan, step):.2e}",
                seconds_per_step=round((time.monotonic() - started) / (step - first), 4),
            )
    if stop is not None:
        (stop.set if step < plan.steps else stop.clear)()
    leave(world)
    return path


def tell_how_it_goes_on(path: Path, plan: Recipe, step: int, begun: dict[str, Any]) -> None:
    """What a person who gave the same --out again may not expect; `begun` is the recipe that it was saved with."""
    if changed := differences(begun, plan):
        print(f"training: {path} was begun with another {', '.join(changed)}; it goes on with this recipe's")
    if step >= plan.steps:
        print(f"training: {path} has all of its {plan.steps} steps; for more, raise `steps` or take another --out")


def prepare(optimiser: torch.optim.Optimizer, plan: Recipe, step: int, rank: int) -> None:
    """Set the learning rate of a step, and what is drawn at random in it: a resumed run draws the same."""
    for group in optimiser.param_groups:
        group["lr"] = learning_rate(plan, step)
    torch.manual_seed(int(np.random.SeedSequence((plan.seed, step, rank)).generate_state(1)[0]))


def begin(plan: Recipe, init: Sequence[Path], network: nn.Module | None = None) -> nn.Module:
    """The recipe's network, or the one that is given, with the weights of `init`; what stays as it is has no grad."""
    torch.manual_seed(plan.seed)
    network = network or Network(plan.network)
    for weights in init:
        grow(network, load(weights).state_dict())
    parts = ", ".join(f"{name}." for name, _ in network.named_children())
    if plan.kept and not any(name.startswith(plan.kept) for name, _ in network.named_parameters()):
        raise ValueError(f'kept is "{plan.kept}", and no weight has a name that begins so; its parts are {parts}')
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(name.startswith(plan.only) and not (plan.kept and name.startswith(plan.kept)))
    if not any(parameter.requires_grad for parameter in network.parameters()):
        kept = f', other than those of kept, "{plan.kept}",' if plan.kept else ""
        raise ValueError(f'only is "{plan.only}", and no weight{kept} has a name that begins so; its parts are {parts}')
    return network


class Batches:
    """The batch of each step, of pictures or of clips: uint8 planes as `Samples` gives them. Every rank has its own."""

    def __init__(self, plan: Recipe, data: Path, *, rank: int = 0, world: int = 1) -> None:
        self.plan, self.rank, self.world = plan, rank, world
        self.samples = Samples(plan, data)

    def __getitem__(self, step: int) -> list[np.ndarray]:
        """Deterministic: a run that is resumed, or has other workers, goes on with the same batches."""
        plan, index = self.plan, step * self.world + self.rank
        if np.random.default_rng((plan.seed, step, 2)).random() < plan.clips:
            return self.samples.clips(index, size=plan.clip_batch, frames=plan.clip_frames, crop=plan.clip_crop)
        last = step >= plan.steps - plan.last_steps
        size, crop = (plan.last_batch, plan.last_crop) if last else (plan.batch, plan.crop)
        return self.samples.batch(index, size=size, crop=crop)


def one_thread(worker: int) -> None:
    """A worker starts as a copy of this process without its threads: OpenCV must not wait for them.

    Signals that go to all processes of a run do not end a worker: its pictures are awaited for the last step.
    """
    cv2.setNumThreads(0)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})


def batch_loss(model: nn.Module, plan: Recipe, device: str, batch: Sequence[Tensor]) -> Tensor:
    """Loss of a batch of either kind, as `Batches` gives it."""
    with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=plan.autocast):
        planes = to_float(batch, device)
        loss = (clip_loss if planes[0].dim() == 5 else picture_loss)(model, planes, plan)
    if not loss.requires_grad:
        raise ValueError(f'what is trained alone, "{plan.only}", has no part in pictures; set clips to 1')
    return loss


def picture_loss(model: nn.Module, planes: list[Tensor], plan: Recipe) -> Tensor:
    """Loss of pictures, each for itself; planes are (B, 1, H, W)."""
    return losses.total(model(*planes[:3], Memory()), planes[3:], plan.losses)


def clip_loss(model: nn.Module, planes: list[Tensor], plan: Recipe) -> Tensor:
    """Loss of clips, each frame with the memory of those before; planes are (T, B, 1, H, W)."""
    frames = [list(frame) for frame in zip(*planes, strict=True)]
    state = history = None
    errors: list[Tensor] = []
    loss = torch.zeros((), device=planes[0].device)
    keep = torch.exp(-0.4 * torch.rand(planes[0].shape[1], 1, device=loss.device))  # time constants of 1/12 s and more
    for frame in frames:
        memory = Memory(state, keep, history)
        result = model(*frame[:3], memory)
        state, history = memory.next_state(), memory.next_history
        loss = loss + losses.total(result, frame[3:], plan.losses)
        if plan.losses.moving and history is not None:
            loss = loss + plan.losses.moving * losses.unsure(result, frame[3:], history[:, 24:].detach())
        errors.append(result[0] - frame[3])
        if len(errors) > 1:
            loss = loss + plan.losses.temporal * losses.charbonnier(errors[-1], errors[-2])
    loss = loss / len(frames)
    if plan.losses.wandering:
        loss = loss + plan.losses.wandering * losses.wandering(errors)
    return loss


def learning_rate(plan: Recipe, step: int) -> float:
    """Linear warm-up, then half a cosine down to a hundredth."""
    if step < plan.warmup:
        return plan.learning_rate * (step + 1) / plan.warmup
    share = (step - plan.warmup) / max(1, plan.steps - plan.warmup)
    return plan.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * share)))


def to_float(batch: Sequence[np.ndarray | Tensor], device: str = "cpu") -> list[Tensor]:
    """uint8 planes y, u, v, y, u, v, ... as the network takes them: luma in [0, 1], chroma in [-0.5, 0.5]."""
    planes = (torch.as_tensor(plane).to(device).float() for plane in batch)
    return [(plane - (128 if i % 3 else 0)) / 255 for i, plane in enumerate(planes)]


@torch.no_grad()
def update(average: nn.Module, network: nn.Module, keep: float) -> None:
    """Move the average towards the network; batch-norm statistics are averages already and are copied."""
    get_ema_multi_avg_fn(keep)(list(average.parameters()), list(network.parameters()), None)
    for old, new in zip(average.buffers(), network.buffers(), strict=True):
        old.copy_(new)


@torch.no_grad()
def validate(network: nn.Module, pairs: list[tuple[Rgb, Rgb]]) -> float:
    """Mean PSNR in dB over whole pictures, on planes weighed as RGB error weighs them."""
    network.eval()
    device = str(next(network.parameters()).device)
    scores: list[float] = []
    for low, high in pairs:
        planes = whole(low, high, device)
        scores.append(plane_psnr(network(*planes[:3], Memory()), planes[3:]))
    return float(np.mean(scores))


def whole(low: Rgb, high: Rgb, device: str = "cpu") -> list[Tensor]:
    """Two pictures as the network takes them, cut to multiples of 16: y, u, v of the first and of the second."""
    h, w = low.shape[0] // SHRINK * SHRINK, low.shape[1] // SHRINK * SHRINK
    dark, bright = (Planes.of(p[:h, :w]) for p in (low, high))
    return to_float([p[None, None] for p in (dark.y, dark.u, dark.v, bright.y, bright.u, bright.v)], device)


def plane_psnr(result: Sequence[Tensor], truth: Sequence[Tensor]) -> float:
    """PSNR in dB, at most 60, of y, u, v, weighed as RGB error weighs them by the BT.601 matrix."""
    y, u, v = ((a - b).square().mean().item() for a, b in zip(result, truth, strict=True))
    return -10 * math.log10(max(y + 1.09 * u + 0.83 * v, 1e-6))


if __name__ == "__main__":
    main()
