"""Put a trained model on a shelf: python -m training.export runs/lite/checkpoint.pt --name lite --licence "..."

Writes NAME.onnx (uint8 planes), NAME.deep.onnx (float32 planes), NAME.pt (averaged weights and recipe, for the eager
backend and for fine-tuning) and the model's entry in manifest.toml. Scores are added by training.evaluate --record.
"""

import argparse
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import onnx
import tomlkit
import torch

from streamllie.models.checkpoint import load
from streamllie.models.fold import fold
from streamllie.models.names import INPUTS, OUTPUTS
from streamllie.models.network import Network
from streamllie.models.streaming import Streaming
from streamllie.shelf import MANIFEST, sha256, user_shelf

OPSET = 20  # the newest that ONNX Runtime, OpenVINO and TensorRT for RTX all read


def main() -> None:
    """Parse the command line and export."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--name", required=True)
    parser.add_argument("--licence", required=True, help="of the weights; it follows from the training data")
    parser.add_argument("--summary", default="", help="one sentence for `streamllie models`")
    parser.add_argument("--shelf", type=Path, default=user_shelf(), help="default: your own shelf, %(default)s")
    args = parser.parse_args()
    entry = export(args.checkpoint, name=args.name, licence=args.licence, summary=args.summary, shelf=args.shelf)
    print(f"{args.shelf / entry['file']}: {entry['parameters']} parameters, {entry['bytes']} bytes")


def export(checkpoint: Path, *, name: str, licence: str, summary: str, shelf: Path) -> dict[str, Any]:
    """Write a model's files and its manifest entry, which is returned."""
    shelf.mkdir(parents=True, exist_ok=True)
    graph, deep, weights = (shelf / f"{name}{end}" for end in (".onnx", ".deep.onnx", ".pt"))
    saved = torch.load(checkpoint, weights_only=True)
    torch.save({key: saved[key] for key in ("average", "recipe", "step")}, weights)
    folded = fold(load(weights))  # not from `checkpoint`, which a running training may have replaced by now
    write_onnx(folded, graph, dtype=torch.uint8)
    write_onnx(folded, deep, dtype=torch.float32)
    entry = {
        "name": name,
        "summary": summary,
        "licence": licence,
        "parameters": sum(p.numel() for p in folded.parameters()),
        "opset": OPSET,
        "file": graph.name,
        "bytes": graph.stat().st_size,
        "sha256": sha256(graph),
        "deep_file": deep.name,
        "deep_sha256": sha256(deep),
        "weights_file": weights.name,
        "weights_sha256": sha256(weights),
    }
    record(shelf, name, entry)
    return entry


def write_onnx(folded: Network, path: Path, *, dtype: torch.dtype) -> None:
    """Export the streaming graph for planes of one type, with height and width left open."""
    streaming = Streaming(folded).eval()
    h, w = 48, 66  # any even size that is not a multiple of 16, so that padding is traced
    planes = (torch.zeros(1, 1, 2 * h, 2 * w), *torch.zeros(2, 1, 1, h, w))
    half_h, half_w = torch.export.Dim("half_h", min=8, max=4096), torch.export.Dim("half_w", min=8, max=4096)
    half = {2: half_h, 3: half_w}
    with _quiet():
        program = torch.onnx.export(
            streaming,
            (
                *(p.to(dtype) for p in planes),
                torch.zeros(1, folded.state_size()),
                torch.zeros(1),
                torch.ones(1),
                torch.tensor([16.0, 219.0, 128.0, 224.0, 255.0]),
            ),
            dynamo=True,
            opset_version=OPSET,
            dynamic_shapes=({2: 2 * half_h, 3: 2 * half_w}, half, half, None, None, None, None),
            input_names=list(INPUTS),
            output_names=list(OUTPUTS),
            verbose=False,
        )
    assert program is not None
    graph = program.model_proto
    _strip(graph)
    onnx.checker.check_model(graph)
    onnx.save(graph, path)


def record(shelf: Path, name: str, values: dict[str, Any]) -> None:
    """Set keys of a model's entry in the shelf's manifest; scores that were there stay unless the files changed."""
    manifest = shelf / MANIFEST
    document = tomlkit.parse(manifest.read_text()) if manifest.exists() else tomlkit.document()
    entries = document.setdefault("model", tomlkit.aot())
    entry = next((e for e in entries if e["name"] == name), None)
    if entry is None:
        entry = tomlkit.table()
        entries.append(entry)
    if "sha256" in values and entry.get("sha256") != values["sha256"]:
        entry.pop("scores", None)  # they belong to the old weights
    entry.update(values)
    manifest.write_text(tomlkit.dumps(document))


def _strip(graph: onnx.ModelProto) -> None:
    """Remove the exporter's stack traces, which are larger than the weights."""
    for part in (graph.graph, *graph.graph.node, *graph.graph.value_info, *graph.graph.input, *graph.graph.output):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    for weights in graph.graph.initializer:
        weights.ClearField("metadata_props")
        weights.ClearField("doc_string")
    graph.graph.ClearField("value_info")


@contextmanager
def _quiet() -> Iterator[None]:
    """The exporter warns about packages that are not needed here."""
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


if __name__ == "__main__":
    main()
