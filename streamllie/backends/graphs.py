"""Which file of a model a stream needs, and at what size."""

from pathlib import Path

from streamllie.errors import ModelError
from streamllie.frame import VideoFormat
from streamllie.shelf import Model


def graph_path(model: Model, format: VideoFormat) -> Path:
    """The ONNX file for the stream's depth: uint8 planes, or float32 planes for more than 8 bits."""
    if format.depth > 8:
        if model.deep_path is None:
            raise ModelError(
                f'model "{model.name}" has no graph for {format.depth}-bit video '
                f"({model.path.stem}.deep.onnx); export it again with training.export"
            )
        return model.deep_path
    if model.path.suffix != ".onnx":
        raise ModelError(f"{model.path} is a checkpoint; export it with training.export, or use --backend eager")
    return model.path


def even_sizes(format: VideoFormat) -> tuple[int, int]:
    """Height and width as the graph sees them: rounded up to even."""
    return format.height + format.height % 2, format.width + format.width % 2
