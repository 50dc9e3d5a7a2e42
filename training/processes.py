"""The processes of one training run, as torchrun starts them: what they have to do together."""

import os
import threading

import torch
from torch import distributed


def join(device: str) -> tuple[str, int, int]:
    """This process's device, rank and number of processes: those that torchrun set, or 0 of 1."""
    rank, world = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    several = world > 1
    backend = "nccl" if device == "cuda" else "gloo"
    if several and device == "cuda":
        device = f"cuda:{os.environ['LOCAL_RANK']}"
    try:
        torch.empty((), device=device)
    except (RuntimeError, AssertionError) as error:  # torch is built without it, or there is none
        raise ValueError(f'the device "{device}" cannot be used here; leave out --device, or say cpu') from error
    if several:
        distributed.init_process_group(backend)
    return device, rank, world


def told_to_stop(stop: threading.Event | None, device: str, world: int) -> bool:
    """Whether one of the processes is told to: all of them have to leave at the same step."""
    told = stop is not None and stop.is_set()
    if world == 1:
        return told
    flag = torch.tensor(float(told), device=device)
    distributed.all_reduce(flag, distributed.ReduceOp.MAX)
    return bool(flag.item())


def leave(world: int) -> None:
    """End together: who leaves while another still works takes the connection along."""
    if world > 1:
        distributed.barrier()
        distributed.destroy_process_group()
