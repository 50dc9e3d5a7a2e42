"""Try 8-bit integers on the CPU: python -m training.int8 DATA [--model lite]

Quantises convolutions with ONNX Runtime's tools (per channel, calibrated on dark pictures of LOL-v1 and frames of the
example clip), runs them with OpenVINO, and prints for each variant how far it is from float32 and how fast, in turns
with float32 and bfloat16. A variant is worth shipping if its luma is on average within 0.6 levels of float32, smooth
places stay smooth, and it is faster than bfloat16. What came out is in engines/README.md.
"""

import argparse
import logging
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from streamllie import shelf
from streamllie.backends.graphs import state_shape
from streamllie.backends.openvino import ov
from streamllie.frame import Levels, VideoFormat
from streamllie.models.names import HISTORY
from streamllie.night import dark_frames
from streamllie.timing import percentile
from streamllie.video import VideoSource
from training.command import said
from training.pairs import is_picture
from training.planes import read_rgb

EXAMPLE = Path(__file__).parent.parent / "examples" / "night.mp4"
VARIANTS = {  # which convolutions become int8, by the names of their weights; all others run in bfloat16
    "all": ("",),
    "all but stem and head": ("down", "encoder", "middle", "decoder", "up", "detail"),
    "stem and fine step": ("stem", "detail"),
    "fine step and head": ("detail", "head"),
    "fine step": ("detail",),
}
STATES = ("state", HISTORY)
Feed = dict[str, np.ndarray]


class Calibration(CalibrationDataReader):
    """Frames, one after the other."""

    def __init__(self, feeds: list[Feed]) -> None:
        self.feeds = iter(feeds)

    def get_next(self) -> Feed | None:
        """The next frame's inputs."""
        return next(self.feeds, None)


@said("int8")
def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="the folder that has lol-v1")
    parser.add_argument("--model", default="lite", help="name on the shelf; default: lite")
    args = parser.parse_args()
    logging.disable(logging.WARNING)
    model = shelf.find(args.model)
    blank = _blank(model.path)
    calibration = [_feed(blank, *planes) for planes in _pictures(args.data / "lol-v1/train/low", every=40)]
    test = [_feed(blank, *planes) for planes in _pictures(args.data / "lol-v1/eval15/low", every=3)]
    calibration += [_feed(blank, *planes) for planes in _clip({10, 30, 60})]
    test += [_feed(blank, *planes) for planes in _clip({0, 50, 120})]
    with tempfile.TemporaryDirectory() as folder:
        graphs = {"float32": (model.path, ov.Type.f32), "bfloat16": (model.path, ov.Type.bf16)}
        for name, parts in VARIANTS.items():
            target = Path(folder) / f"{name}.onnx"
            _quantise(model.path, target, parts, calibration)
            graphs[f"int8: {name}"] = (target, ov.Type.bf16)
        times = _times(graphs, blank)
        expected = None
        print("| arithmetic | luma difference, mean | worst picture | largest | steps in smooth places | ms at 720p |")
        print("| --- | ---: | ---: | ---: | ---: | ---: |")
        for name, (path, hint) in graphs.items():
            compiled = _compiled(path, hint)
            found = [compiled(feed)[0][0, 0].astype(np.int16) for feed in test]
            expected = expected or found
            gaps = [np.abs(a - b) for a, b in zip(found, expected, strict=True)]
            means = [gap.mean() for gap in gaps]
            steps = np.mean([_steps(a, b) for a, b in zip(found, expected, strict=True)])
            print(
                f"| {name} | {np.mean(means):.2f} | {max(means):.2f} | {max(gap.max() for gap in gaps)} "
                f"| {100 * steps:.1f} % | {times[name]:.1f} |"
            )


def _blank(path: Path) -> Feed:
    """The inputs that are no planes: a single picture, the full effect. A history is still without height and width."""
    channels = {
        i.name: i.type.tensor_type.shape.dim[1].dim_value for i in onnx.load(path).graph.input if i.name in STATES
    }
    return {
        **{name: np.zeros((1, n) if name == "state" else (1, n, 0, 0), np.float32) for name, n in channels.items()},
        "keep": np.zeros(1, np.float32),
        "strength": np.ones(1, np.float32),
        "levels": Levels.of(depth=8, full_range=False).array(),
    }


def _pictures(folder: Path, *, every: int) -> Iterator[tuple[np.ndarray, ...]]:
    for path in sorted(filter(is_picture, folder.iterdir()))[::every]:
        picture = read_rgb(path)
        height, width = (side - side % 2 for side in picture.shape[:2])
        codes = cv2.cvtColor(picture[:height, :width], cv2.COLOR_RGB2YUV_I420)
        y, chroma = codes[:height], codes[height:].reshape(2, height // 2, width // 2)
        yield y, chroma[0], chroma[1]


def _clip(numbers: set[int]) -> Iterator[tuple[np.ndarray, ...]]:
    with VideoSource(EXAMPLE) as source:
        for number, frame in enumerate(source):
            if number in numbers:
                yield frame.y, frame.u, frame.v


def _feed(blank: Feed, y: np.ndarray, u: np.ndarray, v: np.ndarray) -> Feed:
    planes = {name: np.ascontiguousarray(plane)[None, None] for name, plane in zip("yuv", (y, u, v), strict=True)}
    feed = {**blank, **planes}
    if HISTORY in feed:
        feed[HISTORY] = np.zeros(_history_shape(feed[HISTORY].shape[1], *y.shape), np.float32)
    return feed


def _history_shape(channels: int, height: int, width: int) -> tuple[int, ...]:
    return state_shape((1, channels, None, None), VideoFormat(height=height, width=width))


def _quantise(path: Path, target: Path, parts: tuple[str, ...], calibration: list[Feed]) -> None:
    convolutions = [node for node in onnx.load(path).graph.node if node.op_type == "Conv"]
    others = [n.name for n in convolutions if not any(n.input[1].startswith(f"network.{part}") for part in parts)]
    quantize_static(
        path, target, Calibration(calibration), quant_format=QuantFormat.QDQ, per_channel=True,
        activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
        op_types_to_quantize=["Conv"], nodes_to_exclude=others,
    )  # fmt: skip


def _compiled(path: Path, hint: ov.Type, size: tuple[int, int] | None = None) -> ov.CompiledModel:
    core = ov.Core()
    graph = core.read_model(path)
    if size is not None:
        half = [1, 1, size[0] // 2, size[1] // 2]
        shapes = {"y": [1, 1, *size], "u": half, "v": half}
        for port in graph.inputs:
            if port.get_any_name() == HISTORY:
                shapes[HISTORY] = list(_history_shape(port.get_partial_shape()[1].get_length(), *size))
        graph.reshape(shapes)
    return core.compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": hint, "PERFORMANCE_HINT": "LATENCY"})


def _times(graphs: dict[str, tuple[Path, ov.Type]], blank: Feed) -> dict[str, float]:
    """Median milliseconds for a frame of 1280x720, all graphs in turn."""
    feeds = [_feed(blank, f.y, f.u, f.v) for f in dark_frames(height=720, width=1280, count=2)]
    requests = {
        name: _compiled(path, hint, (720, 1280)).create_infer_request() for name, (path, hint) in graphs.items()
    }
    durations: dict[str, list[float]] = {name: [] for name in requests}
    for _ in range(6):
        for name, request in requests.items():
            for feed in feeds:
                began = time.perf_counter()
                request.infer(feed)
                durations[name].append(time.perf_counter() - began)
    return {name: 1000 * percentile(times, 0.5) for name, times in durations.items()}


def _steps(found: np.ndarray, expected: np.ndarray) -> float:
    """How much more often neighbours in smooth places differ by 2 levels or more: banding and grain."""
    kernel = np.ones((9, 9), np.uint8)
    picture = expected.astype(np.uint8)
    smooth = (cv2.dilate(picture, kernel).astype(int) - cv2.erode(picture, kernel) <= 6)[:, 1:]
    rough = [(np.abs(np.diff(one, axis=1)) >= 2)[smooth].mean() for one in (found, expected)]
    return float(rough[0] - rough[1])


if __name__ == "__main__":
    main()
