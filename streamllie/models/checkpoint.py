"""Load a network from a checkpoint: what training writes, and the smaller file that lies on the shelf."""

from pathlib import Path
from typing import Any

import torch

from streamllie.errors import ModelError
from streamllie.models.network import Network, NetworkSize


def load(path: Path) -> Network:
    """The averaged network of a checkpoint, in eval mode.

    Raises:
        ModelError: there is no such file, or it is not a checkpoint of this network.
    """
    if not path.is_file():
        raise ModelError(f"there is no checkpoint {path}; give the path of a file that training wrote")
    try:
        saved: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        network = Network(NetworkSize(**saved["recipe"]["network"]))
        network.load_state_dict(saved["average"])
    except Exception as error:  # torch.load raises whatever it meets, and advises to trust the file
        raise ModelError(
            f"{path} is not a checkpoint of this version's network ({type(error).__name__}); is it a whole file that"
            " training wrote?"
        ) from error
    return network.eval().requires_grad_(False)
