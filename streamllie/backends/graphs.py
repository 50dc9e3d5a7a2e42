"""Which file of a model a stream needs, and at what size."""

from collections.abc import Sequence
from pathlib import Path

from streamllie.errors import EngineUnusable, ModelError, NoDeepGraph
from streamllie.frame import VideoFormat
from streamllie.shelf import DEEP, ENGINE, GRAPH, Model

BLOCK = 16  # the network works on frames that are padded to multiples of this
QUARTER = 4  # states that are pictures have a quarter of that size, see models/streaming.py


def graph_path(model: Model, format: VideoFormat) -> Path:
    """The ONNX file for the stream's depth: uint8 planes, or float32 planes for more than 8 bits."""
    if model.path.suffix == ENGINE:
        raise EngineUnusable(f"{model.path} is an engine; it runs with --backend tensorrt, or auto where that can run")
    if format.depth > 8:
        if model.deep_path is None:
            raise NoDeepGraph(
                f'model "{model.name}" has no graph for {format.depth}-bit video '
                f"({model.path.stem}{DEEP}{GRAPH}); export it again with training.export"
            )
        return model.deep_path
    if model.path.suffix != GRAPH:
        raise ModelError(f"{model.path} is a checkpoint; export it with training.export, or use --backend eager")
    return model.path


def even_sizes(format: VideoFormat) -> tuple[int, int]:
    """Height and width as the graph sees them: rounded up to even."""
    return format.height + format.height % 2, format.width + format.width % 2


def padded(height: int, width: int) -> tuple[int, int]:
    """A frame size as a graph in blocks sees it."""
    return height + -height % BLOCK, width + -width % BLOCK


def state_shape(dims: Sequence[object], format: VideoFormat) -> tuple[int, ...]:
    """The shape of a state for one frame size; `dims` are those of the graph, where open ones are no numbers."""
    sides = (0, 0, *(side // QUARTER for side in padded(format.height, format.width)))
    return tuple(dim if isinstance(dim, int) and dim > 0 else sides[axis] for axis, dim in enumerate(dims))
