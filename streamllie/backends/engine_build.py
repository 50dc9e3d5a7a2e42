"""From a model, a checkpoint or an ONNX file to a TensorRT engine in one call, and what is in the cache."""

import importlib.util
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from streamllie import shelf
from streamllie.backends.engine_cache import EngineCache, Entry
from streamllie.backends.engine_file import Header, pack, read
from streamllie.backends.gpu import Gpu, find_gpu, no_gpu
from streamllie.backends.tensorrt_build import Plan, Sizes, Step, build, check
from streamllie.backends.tensorrt_library import Library, choose, installed, load
from streamllie.errors import BackendMissing, ModelError, SinkError
from streamllie.place import is_file
from streamllie.shelf import CHECKPOINT, DEEP, ENGINE, GRAPH
from streamllie.target import check_target, write_whole


@dataclass(frozen=True, kw_only=True)
class BuiltEngine:
    """An engine file, and how it came to be."""

    path: Path
    bytes: int
    seconds: float  # that this call took: next to nothing if the engine was there
    fresh: bool  # it was built just now
    header: Header

    def lines(self) -> Iterator[str]:
        """For people."""
        yield f"{self.path}: {'built' if self.fresh else 'was there'}, {self.bytes / 1e6:.1f} MB, {self.seconds:.1f} s"
        yield from self.header.lines()

    def event(self) -> dict[str, object]:
        """The line of `engine build --json`."""
        about = self.header.about
        return {
            "path": str(self.path),
            "bytes": self.bytes,
            "seconds": round(self.seconds, 2),
            "flavour": about["flavour"],
            "version": about["version"],
            "precision": about["precision"],
            "key": self.header.key,
        }


def build_engine(
    subject: str | Path,
    *,
    precision: str = "fp16",
    sizes: tuple[Sizes, ...] = (Sizes(),),
    targets: tuple[str, ...] = (),
    flavour: str = "auto",
    deep: bool = False,
    output: Path | None = None,
    overwrite: bool = False,
    cache: EngineCache | None = None,
    on_step: Step | None = None,
) -> BuiltEngine:
    """Build the engine of a model on the shelf, a training checkpoint (.pt) or an ONNX file, if it is not there yet.

    It is kept in the cache; `output` gets a copy. No GPU is needed with TensorRT for RTX.

        build_engine("runs/lite/checkpoint.pt", precision="fp16", targets=("sm86", "sm89"))

    Raises:
        ModelNotFound, ModelError: there is no such model, or it is damaged.
        BackendMissing: TensorRT, or what a checkpoint needs, is not installed.
        BackendError: TensorRT refuses the graph or the plan.
        SinkError: the output cannot be written, is no name for an engine, or is there and `overwrite` is not given.
    """
    began = time.perf_counter()
    cache = cache or EngineCache()
    name, path = _found(subject, deep=deep)
    for source in (path, Path(subject)):  # two where the deep graph stands beside the one that was named
        if output is not None:
            check_target(output, source=source, overwrite=overwrite)
    if output is not None and output.suffix != ENGINE:
        raise SinkError(f'"{output}" is not a name for an engine; let it end in {ENGINE}')
    gpu = find_gpu() if no_gpu() is None else None
    library = choose(gpu, flavour)
    plan = Plan(model=name, graph=b"", precision=precision, sizes=sizes, targets=targets)
    check(plan, library, gpu)
    graph = _exported(path, deep=deep) if path.suffix == CHECKPOINT else shelf.read(path)
    plan = replace(plan, graph=graph)
    header, body, fresh = ready(plan, library, gpu, cache=cache, on_step=on_step)
    path = cache.path(header.key)
    if output is not None:
        write_whole(output, lambda part: part.write_bytes(pack(header, body)), overwrite=overwrite)
        path = output
    seconds = time.perf_counter() - began
    return BuiltEngine(path=path, bytes=path.stat().st_size, seconds=seconds, fresh=fresh, header=header)


def ready(
    plan: Plan, library: Library, gpu: Gpu | None, *, cache: EngineCache | None = None, on_step: Step | None = None
) -> tuple[Header, bytes, bool]:
    """Header and body from the cache, built first if need be, and whether that was needed."""
    cache = cache or EngineCache()
    fresh = False

    def make() -> tuple[Header, bytes]:
        nonlocal fresh
        fresh = True
        return build(plan, library, gpu, timings=timings, on_step=on_step, on_timings=keep)

    timing_key = plan.timing_key(library, gpu)

    def keep(measured: bytes) -> None:
        about = {"flavour": library.flavour, "version": library.version}
        cache.put(Header(kind="timing", key=timing_key, about=about), measured)

    known = None if library.portable else cache.load(timing_key)
    timings = b"" if known is None else known[1]
    header, body = cache.get(plan.key(library, gpu), make)
    return header, body, fresh


def entries(cache: EngineCache | None = None) -> list[tuple[Entry, str | None]]:
    """Everything in the cache, and None or why it is of no use here."""
    return [(entry, _useless(entry.header)) for entry in (cache or EngineCache()).entries()]


def info(path: Path) -> tuple[Header, str | None]:
    """What a file says of itself after a full check, and None or why it is of no use here."""
    header, _ = read(path)
    return header, _useless(header)


def prune(*, everything: bool = False, cache: EngineCache | None = None) -> list[Entry]:
    """Remove from the cache what is of no use here, or all of it; give what was removed."""
    return (cache or EngineCache()).prune(lambda header: everything or _useless(header) is not None)


def _useless(header: Header | None) -> str | None:
    if header is None:
        return "torn, or of another version of StreamLLIE"
    flavour, version = header.about.get("flavour"), header.about.get("version")
    if flavour not in installed():
        return f"{flavour} is not installed"
    try:
        here = load(str(flavour)).version
    except BackendMissing as error:
        return str(error)
    if here != version:
        return f"made by {flavour} {version}, installed is {here}"
    return None


def _found(subject: str | Path, *, deep: bool) -> tuple[str, Path]:
    """Name and file, a graph or a checkpoint, of what was asked for."""
    path = Path(subject)
    if path.suffix == CHECKPOINT and is_file(path):
        return path.stem, path
    if path.suffix == GRAPH and is_file(path):
        if not deep or path.stem.endswith(DEEP):
            return path.stem, path
        if not is_file(companion := path.with_suffix(DEEP + GRAPH)):
            raise ModelError(f'{path} has no "{companion.name}" beside it for video of more than 8 bits; export it too')
        return path.stem, companion
    model = shelf.find(subject)
    graph = model.deep_path if deep else model.path
    if graph is None:
        raise ModelError(f'model "{model.name}" has no graph for video of more than 8 bits; export it again')
    return model.name, graph


def _exported(checkpoint: Path, *, deep: bool) -> bytes:
    for package in ("torch", "onnxscript"):
        if importlib.util.find_spec(package) is None:
            raise BackendMissing(
                f'building from the checkpoint {checkpoint} needs {package}; pip install "streamllie[export]"'
            )
    from streamllie.models.export import export_checkpoint  # noqa: PLC0415 - loads torch

    with tempfile.TemporaryDirectory(prefix="streamllie-export-") as folder:
        graph = Path(folder) / "graph.onnx"
        export_checkpoint(checkpoint, graph, deep=deep)
        return graph.read_bytes()
