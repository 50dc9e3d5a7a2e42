"""The shelf: trained models, found by name or by path, and checked before anything runs them.

Two folders are looked at: the one that comes with the package, and the user's own (`user_shelf()`). Each has a
manifest.toml that lists its models; see engines/README.md for the keys.
"""

import hashlib
import os
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from streamllie.errors import ModelError, ModelNotFound
from streamllie.place import is_file

MANIFEST = "manifest.toml"
GRAPH, CHECKPOINT, ENGINE = SUFFIXES = (".onnx", ".pt", ".engine")  # how the names of a model's files end
DEEP = ".deep"  # before GRAPH, of that for video of more than 8 bits
KEYS: dict[str, type] = {  # of a model in it
    "name": str, "file": str, "deep_file": str, "weights_file": str, "parameters": int, "bytes": int, "sha256": str,
    "deep_sha256": str, "weights_sha256": str, "licence": str, "summary": str, "scores": dict,
}  # fmt: skip
KINDS = {str: "text", int: "a whole number", dict: "a table"}


@dataclass(frozen=True, kw_only=True)
class Model:
    """Weights and graph on the shelf."""

    name: str
    path: Path  # ONNX graph for 8-bit planes, see models/streaming.py for its contract
    deep_path: Path | None = None  # the same graph for float32 planes: video of more than 8 bits
    weights_path: Path | None = None  # checkpoint for the eager backend and for further training
    parameters: int | None = None  # None: a file that no manifest describes
    bytes: int  # size of `path`
    sha256: str  # of `path`
    deep_sha256: str = ""  # of `deep_path`
    weights_sha256: str = ""  # of `weights_path`
    licence: str = "unknown"  # of the weights: it follows from the training data
    summary: str = ""
    scores: dict[str, Any] = field(default_factory=dict[str, Any])

    def lines(self) -> Iterator[str]:
        """For people. A shelf of your own may hold anything as scores."""
        yield f"{self.name:10} {self.parameters or 0:,} parameters, {self.bytes / 1e6:.2f} MB; {self.licence}"
        yield f"{'':10} {self.summary}".rstrip()
        for test, scores in self.scores.items():
            figures = [f"{k} {v}" for k, v in scores.items()] if isinstance(scores, dict) else [str(scores)]
            yield f"{'':10} {test}: {', '.join(figures)}"


def models() -> list[Model]:
    """All models on the shelves, the user's own first. Files are not read; `find` checks them."""
    return [model for shelf in _shelves() for model in _read_manifest(shelf)]


def find(name: str | Path) -> Model:
    """A model by its name on the shelf, or by the path of an ONNX file, checkpoint or engine, checked by its sha256.

    A file outside the shelf brings its companions by name: `x.onnx`, `x.deep.onnx` and `x.pt` belong together, and
    whichever was named, a backend takes the one that it runs.

    Raises:
        ModelNotFound: there is neither such a name nor such a file.
        ModelError: a file is missing or is not the one that the manifest describes.
    """
    on_shelf = models()
    for model in on_shelf:
        if model.name == str(name):
            return checked(model)
    path = Path(name)
    if is_file(path):
        if path.suffix not in SUFFIXES:
            raise ModelNotFound(
                f'"{path}" is no file of a model: such names end in {", ".join(SUFFIXES)}, in small letters'
            )
        return _loose(path.absolute())  # the same one when its second engine is opened somewhere else
    names = ", ".join(m.name for m in on_shelf) or "none"
    raise ModelNotFound(f'no model "{name}" on the shelf; there are: {names}; or give the path of an .onnx file')


def shelf_of_package() -> Path:
    """The shelf that comes with the package: inside it when installed from a wheel, beside it in a clone."""
    package = Path(__file__).parent
    inside = package / "engines"
    return inside if (inside / MANIFEST).is_file() else package.parent / "engines"


def user_shelf() -> Path:
    """The user's own shelf: $STREAMLLIE_SHELF, else `shelf` in the user's data folder. It need not exist."""
    if named := os.environ.get("STREAMLLIE_SHELF"):
        return Path(named)
    from platformdirs import user_data_path  # noqa: PLC0415  - only here, and 10 ms

    return user_data_path("streamllie", appauthor=False) / "shelf"


def sha256(path: Path) -> str:
    """Hex digest of a model's file; ModelError where it cannot be read."""
    return hashlib.sha256(read(path)).hexdigest()


def read(path: Path) -> bytes:
    """A model's file; ModelError where it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path} cannot be read ({error.strerror}); give one that you may read") from error


def _shelves() -> list[Path]:
    return [shelf for shelf in (user_shelf(), shelf_of_package()) if is_file(shelf / MANIFEST)]


def _read_manifest(shelf: Path) -> list[Model]:
    manifest = shelf / MANIFEST
    try:
        entries = tomllib.loads(manifest.read_text(encoding="utf-8")).get("model", [])
        return [_model(shelf, entry) for entry in entries]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:  # unreadable, no TOML
        raise ModelError(f"{manifest} is not a manifest of models ({error!r}); mend or remove it") from error


def _model(shelf: Path, entry: dict[str, Any]) -> Model:
    for key, kind in KEYS.items():
        if key in entry and type(entry[key]) is not kind:
            raise ModelError(f"{shelf / MANIFEST}: {key} is {entry[key]!r}, which is not {KINDS[kind]}; mend it")
    return Model(
        name=entry["name"],
        path=shelf / entry["file"],
        deep_path=shelf / entry["deep_file"] if "deep_file" in entry else None,
        weights_path=shelf / entry["weights_file"] if "weights_file" in entry else None,
        parameters=entry["parameters"],
        bytes=entry["bytes"],
        sha256=entry["sha256"],
        deep_sha256=entry.get("deep_sha256", ""),
        weights_sha256=entry.get("weights_sha256", ""),
        licence=entry["licence"],
        summary=entry.get("summary", ""),
        scores=entry.get("scores", {}),
    )


def checked(model: Model) -> Model:
    """A model of a manifest, all of whose files are there and whole; else ModelError."""
    for path, expected in (
        (model.path, model.sha256),
        (model.deep_path, model.deep_sha256),
        (model.weights_path, model.weights_sha256),
    ):
        if path is None:
            continue
        if not path.is_file():
            raise ModelError(
                f'{path} of model "{model.name}" is missing; install the package or export the model again'
            )
        if (found := sha256(path)) != expected:
            raise ModelError(
                f'{path} of model "{model.name}" is damaged: its sha256 starts with {found[:12]}, '
                f"the manifest says {expected[:12]}; install the package or export the model again"
            )
    return model


def _loose(path: Path) -> Model:
    if path.suffix == ENGINE:
        return Model(name=path.stem, path=path, bytes=path.stat().st_size, sha256=sha256(path))
    stem = path.name.removesuffix(path.suffix).removesuffix(DEEP)
    graph, deep, weights = (path.with_name(stem + end) for end in (GRAPH, DEEP + GRAPH, CHECKPOINT))
    if path == deep and not is_file(graph):
        raise ModelError(
            f'"{path}" is for video of more than 8 bits; "{graph.name}", for all other, must lie beside it'
        )
    main = graph if is_file(graph) else path
    return Model(
        name=stem,
        path=main,
        deep_path=deep if is_file(deep) else None,
        weights_path=weights if is_file(weights) else None,
        bytes=main.stat().st_size,
        sha256=sha256(main),
    )
