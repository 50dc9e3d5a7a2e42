"""What a run keeps on the disk: written whole, resumed to the bit, and the beginning of a larger network."""

import re
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from streamllie.target import write_whole
from training.recipe import Recipe

LEFT = re.compile(r"\.(checkpoint|best|log|curves)\.\d+-[0-9a-f]{8}\.\w+")  # what a killed run was writing
HALVED = re.compile(r"\.(widen|around)\.|^detail\.\d+\.norm\.")  # names of weights whose outputs are halves of a gate


def save(
    path: Path, *, network: nn.Module, average: nn.Module, optimiser: torch.optim.Optimizer, step: int, plan: Recipe
) -> None:
    """Write a checkpoint whole or not at all."""
    state = {
        "network": network.state_dict(), "average": average.state_dict(), "optimiser": optimiser.state_dict(),
        "step": step, "recipe": plan.as_dict(),
    }  # fmt: skip
    put(path, state)


def put(path: Path, state: dict[str, Any]) -> None:
    """torch.save, whole or not at all.

    Raises:
        SinkError: it cannot be written; what was there still is.
    """

    def write(temporary: Path) -> None:
        try:
            torch.save(state, temporary)
        except RuntimeError as error:  # what torch says of a full disk
            raise OSError(str(error)) from error

    write_whole(path, write, overwrite=True)


def save_average(path: Path, *, average: nn.Module, step: int, plan: Recipe) -> None:
    """Write what a model is exported from, alone."""
    state = {"average": average.state_dict(), "step": step, "recipe": plan.as_dict()}
    put(path, state)


def sweep(run: Path) -> None:
    """Remove what earlier processes of a run left half written."""
    for left in run.iterdir():
        if LEFT.fullmatch(left.name):
            left.unlink(missing_ok=True)


def read(path: Path) -> dict[str, Any]:
    """What a checkpoint holds, on the CPU.

    Raises:
        ValueError: it is torn, or something else.
    """
    try:
        return dict(torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:  # torch.load raises whatever it meets, and advises to trust the file
        why = type(error).__name__
        raise ValueError(f"{path} is no whole checkpoint ({why}); remove it, or get it again") from error


def resume(
    path: Path, *, network: nn.Module, average: nn.Module, optimiser: torch.optim.Optimizer
) -> tuple[int, dict[str, Any]]:
    """Take over what a checkpoint holds; the step that comes next, and the recipe that it was saved with.

    Raises:
        ValueError: it is of another network, it is torn, or no run's checkpoint.
    """
    try:
        saved = read(path)
        network.load_state_dict(saved["network"])
        average.load_state_dict(saved["average"])
        optimiser.load_state_dict(saved["optimiser"])
        return int(saved["step"]), dict(saved["recipe"])
    except Exception as error:  # load_state_dict raises whatever it meets
        why = type(error.__cause__ or error).__name__
        raise ValueError(
            f"{path} cannot be resumed ({why}); give the recipe and the --init that it was begun with, or another --out"
        ) from error


def differences(begun: dict[str, Any], plan: Recipe) -> list[str]:
    """Keys of a recipe whose values are others in `plan`, but for more steps."""
    now = plan.as_dict()
    return sorted(key for key in begun.keys() | now.keys() if key != "steps" and begun.get(key) != now.get(key))


@torch.no_grad()
def grow(network: nn.Module, weights: dict[str, Tensor]) -> None:
    """Take over the weights of a network of the same size or smaller.

    A smaller matrix lands in the corner of a larger one: its outputs do not see the new inputs. Of layers that feed a
    gate, each half of the outputs does so. Layers that the smaller network does not have keep their initial values.

    Raises:
        ValueError: the other network is larger in some part.
    """
    for name, value in network.state_dict().items():
        old = weights.get(name)
        if old is None:
            continue
        if old.dim() != value.dim() or any(a > b for a, b in zip(old.shape, value.shape, strict=True)):
            raise ValueError(
                f"{name} of the weights to start from is {list(old.shape)}, and here {list(value.shape)}: a network can"
                " be larger than the one it starts from, not smaller; see [network] of the recipe"
            )
        if not value.dim():
            value.copy_(old)  # how many batches a norm has seen
            continue
        halves = 2 if HALVED.search(name) else 1
        for into, part in zip(value.tensor_split(halves), old.tensor_split(halves), strict=True):
            if value.dim() > 1:
                into[: part.shape[0]] = 0
            into[tuple(slice(n) for n in part.shape)] = part
