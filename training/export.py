"""Put a trained model on a shelf: python -m training.export runs/lite/checkpoint.pt --name lite --licence "..."

Writes NAME.onnx (uint8 planes), NAME.deep.onnx (float32 planes), NAME.pt (averaged weights and recipe, for the eager
backend and for fine-tuning) and the model's entry in manifest.toml. Scores are added by training.evaluate --record.
"""

import argparse
import os
import re
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import onnx
import tomlkit

from streamllie.interrupts import postponed
from streamllie.models.checkpoint import load
from streamllie.models.export import OPSET, for_bytes, trace
from streamllie.models.fold import fold
from streamllie.shelf import CHECKPOINT, DEEP, GRAPH, MANIFEST, sha256, user_shelf
from streamllie.target import write_error, write_whole
from training.checkpoints import put, read
from training.command import said

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def main() -> None:
    """Parse the command line and export."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path, help="of a run: best.pt or checkpoint.pt")
    parser.add_argument("--name", required=True, help="of the model on the shelf")
    parser.add_argument("--licence", required=True, help="of the weights; it follows from the training data")
    parser.add_argument("--summary", default="", help="one sentence for `streamllie models`; without, that of before")
    parser.add_argument("--shelf", type=Path, default=user_shelf(), help="default: your own shelf, %(default)s")
    args = parser.parse_args()
    with said("export"):
        entry = export(args.checkpoint, name=args.name, licence=args.licence, summary=args.summary, shelf=args.shelf)
    print(f"{args.shelf / entry['file']}: {entry['parameters']} parameters, {entry['bytes']} bytes")


def export(checkpoint: Path, *, name: str, licence: str, summary: str, shelf: Path) -> dict[str, Any]:
    """Write a model's files and its manifest entry, which is returned. What had that name stays until all is made.

    Raises:
        ValueError: the name cannot be one of files, the manifest is broken, a weight is not finite, or the checkpoint
            itself has a name that would be written.
        OSError, StreamLLIEError: the checkpoint cannot be read, or a file cannot be written.
    """
    if not NAME.fullmatch(name) or name.endswith(DEEP):
        raise ValueError(f'"{name}" is not allowed as a name; use letters, digits, "-", "_" and "."')
    load(checkpoint)  # says in one sentence what is wrong with a file, before anything is written
    saved = read(checkpoint)
    shelf.mkdir(parents=True, exist_ok=True)
    targets = graph, deep, weights = [shelf / f"{name}{end}" for end in (GRAPH, DEEP + GRAPH, CHECKPOINT)]
    if _is_of_a_run(weights):
        raise ValueError(f"{weights} is a run's own checkpoint, which would be lost; choose another name or shelf")
    _read_manifest(shelf / MANIFEST)
    with tempfile.TemporaryDirectory(prefix=".export-", dir=shelf) as folder:
        made = [Path(folder) / target.name for target in targets]
        put(made[2], {key: saved[key] for key in ("average", "recipe", "step") if key in saved})
        folded = fold(load(made[2]))  # not from `checkpoint`, which a running training may have replaced by now
        if not all(value.isfinite().all() for value in folded.state_dict().values()):
            raise ValueError(f"{checkpoint} holds weights that are no finite numbers; its training went wrong")
        try:
            traced = trace(folded)
            onnx.save(for_bytes(traced), made[0])
            onnx.save(traced, made[1])
        except OSError as error:
            raise write_error(graph, error) from error
        entry = {
            "name": name,
            **({"summary": summary} if summary else {}),
            "licence": licence,
            "parameters": sum(p.numel() for p in folded.parameters()),
            "opset": OPSET,
            "file": graph.name,
            "bytes": made[0].stat().st_size,
            "sha256": sha256(made[0]),
            "deep_file": deep.name,
            "deep_sha256": sha256(made[1]),
            "weights_file": weights.name,
            "weights_sha256": sha256(made[2]),
        }
        with postponed():
            for path, target in zip(made, targets, strict=True):
                path.replace(target)
            record(shelf, name, entry, new=True)
    return entry


def record(shelf: Path, name: str, values: dict[str, Any], *, new: bool = False) -> None:
    """Set keys of a model's entry in the shelf's manifest; scores that were there stay unless the files changed.

    Several processes may do so at once, each for itself: one waits for the other.

    Raises:
        ValueError: the manifest is broken, or has no such model and `new` is not set.
        StreamLLIEError: it cannot be written; what was there still is.
    """
    try:
        with _alone_in(shelf):
            _record(shelf / MANIFEST, name, values, new=new)
    except OSError as error:
        raise write_error(shelf / MANIFEST, error) from error


def _record(manifest: Path, name: str, values: dict[str, Any], *, new: bool) -> None:
    document = _read_manifest(manifest)
    entries = document.setdefault("model", tomlkit.aot())
    entry = next((e for e in entries if e.get("name") == name), None)
    if entry is None:
        if not new:
            raise ValueError(f'no model "{name}" is on the shelf {manifest.parent}; export it first')
        entry = tomlkit.table()
        entries.append(entry)
    if "sha256" in values and entry.get("sha256") != values["sha256"]:
        entry.pop("scores", None)  # they belong to the old weights
    if "scores" in values:
        values = values | {"scores": dict(entry.get("scores", {})) | values["scores"]}
    entry.update(values)
    write_whole(manifest, lambda path: path.write_text(tomlkit.dumps(document), encoding="utf-8"), overwrite=True)


@contextmanager
def _alone_in(folder: Path) -> Generator[None]:
    """Wait until no other process is in here. On Windows nobody waits."""
    if sys.platform == "win32":
        yield
        return
    import fcntl  # noqa: PLC0415 - not on Windows

    folder_itself = os.open(folder, os.O_RDONLY)  # so no file of a lock stays behind
    try:
        fcntl.flock(folder_itself, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder_itself)


def _read_manifest(manifest: Path) -> tomlkit.TOMLDocument:
    try:
        document = tomlkit.parse(manifest.read_text(encoding="utf-8")) if manifest.exists() else tomlkit.document()
        tables = all(isinstance(entry, dict) for entry in document.get("model", []))
    except (ValueError, TypeError) as error:
        raise ValueError(f"{manifest} is not a manifest of models ({error}); mend or remove it") from error
    if not tables:
        raise ValueError(f"{manifest} is not a manifest of models (`model` lists no tables); mend or remove it")
    return document


def _is_of_a_run(path: Path) -> bool:
    """Whether there is a file that training goes on from, which has more than a model."""
    with suppress(ValueError):  # torn, or anything else: nothing that is missed
        return path.exists() and "optimiser" in read(path)
    return False


if __name__ == "__main__":
    main()
