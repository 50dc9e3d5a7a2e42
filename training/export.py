"""Put a trained model on a shelf: python -m training.export runs/lite/checkpoint.pt --name lite --licence "..."

Writes NAME.onnx (uint8 planes), NAME.deep.onnx (float32 planes), NAME.pt (averaged weights and recipe, for the eager
backend and for fine-tuning) and the model's entry in manifest.toml. Scores are added by training.evaluate --record.
"""

import argparse
from pathlib import Path
from typing import Any

import tomlkit
import torch

from streamllie.errors import ModelError
from streamllie.models.checkpoint import load
from streamllie.models.export import OPSET, write_onnx
from streamllie.models.fold import fold
from streamllie.shelf import MANIFEST, sha256, user_shelf


def main() -> None:
    """Parse the command line and export."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--name", required=True)
    parser.add_argument("--licence", required=True, help="of the weights; it follows from the training data")
    parser.add_argument("--summary", default="", help="one sentence for `streamllie models`")
    parser.add_argument("--shelf", type=Path, default=user_shelf(), help="default: your own shelf, %(default)s")
    args = parser.parse_args()
    try:
        load(args.checkpoint)  # says in one sentence what is wrong with a file, before anything is written
        entry = export(args.checkpoint, name=args.name, licence=args.licence, summary=args.summary, shelf=args.shelf)
    except (OSError, ModelError) as error:
        raise SystemExit(f"export: {error}") from error
    print(f"{args.shelf / entry['file']}: {entry['parameters']} parameters, {entry['bytes']} bytes")


def export(checkpoint: Path, *, name: str, licence: str, summary: str, shelf: Path) -> dict[str, Any]:
    """Write a model's files and its manifest entry, which is returned."""
    shelf.mkdir(parents=True, exist_ok=True)
    graph, deep, weights = (shelf / f"{name}{end}" for end in (".onnx", ".deep.onnx", ".pt"))
    saved = torch.load(checkpoint, map_location="cpu", weights_only=True)
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


if __name__ == "__main__":
    main()
