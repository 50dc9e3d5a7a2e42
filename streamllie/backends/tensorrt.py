"""Run models with TensorRT: frames go up and down once, the memory stays on the GPU, copies hide behind work."""

import logging
import weakref
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from streamllie.backends.base import Engine, GraphEngine
from streamllie.backends.cuda import Memory, open_memory
from streamllie.backends.engine_build import ready
from streamllie.backends.engine_cache import EngineCache
from streamllie.backends.engine_file import Header, read
from streamllie.backends.gpu import Gpu, find_gpu
from streamllie.backends.graphs import graph_path
from streamllie.backends.kernels import Kernels
from streamllie.backends.tensorrt_build import Plan, Sizes
from streamllie.backends.tensorrt_library import Library, choose, logger
from streamllie.backends.tensorrt_run import IN_FLIGHT, Execution
from streamllie.errors import EngineUnusable, OutOfMemory
from streamllie.frame import VideoFormat
from streamllie.shelf import ENGINE, Model

log = logging.getLogger(__name__)
_loaded: "weakref.WeakValueDictionary[str, Loaded]" = weakref.WeakValueDictionary()


class Loaded:
    """An engine in the GPU's memory, shared by the contexts of all frame sizes."""

    def __init__(self, header: Header, body: bytes, library: Library) -> None:
        self.header, self.library = header, library
        self.log = logger(library)
        self._runtime = library.module.Runtime(self.log)  # it must live as long as the engine
        self.engine: Any = self._runtime.deserialize_cuda_engine(body)
        if self.engine is None:
            name = f"{library.flavour} {library.version}"
            raise EngineUnusable(f"{name} refuses the engine of {header.about['model']}: {self.log.reason()}")


def open_engine(model: Model, format: VideoFormat, *, precision: str = "auto", cuda: str = "auto") -> Engine:
    """Open a model, or an engine file that `streamllie engine build -o` made; "auto" is fp16.

    An engine that is not in the cache is built. Where the memory of the GPU does not do for one of open sizes, one
    for this size alone is tried.
    """
    gpu = find_gpu()
    library = choose(gpu)
    if model.path.suffix == ENGINE:
        return _opened(lambda: _from_file(model, format, precision, library), format, gpu, cuda)
    plan = _plan(model, format, precision)
    try:
        return _opened(lambda: _from_cache(plan, library, gpu), format, gpu, cuda)
    except OutOfMemory as error:
        log.warning("%s; trying an engine for %dx%d alone", error, format.width, format.height)
    return _opened(lambda: _from_cache(_only(plan, format), library, gpu), format, gpu, cuda)


def is_built(model: Model, format: VideoFormat, *, precision: str = "auto") -> bool:
    """Whether the engine that `open_engine` would open is in the cache."""
    if model.path.suffix == ENGINE:
        return True
    gpu = find_gpu()
    return EngineCache().path(_plan(model, format, precision).key(choose(gpu), gpu)).is_file()


def _plan(model: Model, format: VideoFormat, precision: str) -> Plan:
    wanted = "fp16" if precision == "auto" else precision
    graph = graph_path(model, format).read_bytes()
    sizes = Sizes()
    if not sizes.takes(format.height, format.width):
        sizes = Sizes.fixed(format.height, format.width)
    return Plan(model=model.name, graph=graph, precision=wanted, sizes=(sizes,))


def _only(plan: Plan, format: VideoFormat) -> Plan:
    return replace(plan, sizes=(Sizes.fixed(format.height, format.width),))


def _from_cache(plan: Plan, library: Library, gpu: Gpu) -> Loaded:
    """The engine of a plan. One that the library refuses is built again, once."""
    key = plan.key(library, gpu)
    if (known := _loaded.get(key)) is not None:
        return known
    header, body, fresh = ready(plan, library, gpu)
    try:
        loaded = Loaded(header, body, library)
    except EngineUnusable as error:
        if fresh:
            raise
        log.warning("%s; building it again", error)
        EngineCache().remove(key)
        header, body, _ = ready(plan, library, gpu)
        loaded = Loaded(header, body, library)
    _loaded[key] = loaded
    return loaded


def _from_file(model: Model, format: VideoFormat, precision: str, library: Library) -> Loaded:
    """An engine file that somebody names: it is used as it is, or refused."""
    header, body = read(model.path)
    about = header.about
    if header.kind != "engine":
        raise EngineUnusable(f"{model.path} holds {header.kind}, not an engine")
    if (about["flavour"], about["version"]) != (library.flavour, library.version):
        raise EngineUnusable(
            f"{model.path} was made by {about['flavour']} {about['version']}, here is {library.flavour} "
            f"{library.version}; build it again with `streamllie engine build`"
        )
    if about["deep"] != (format.depth > 8):
        wanted = "more than 8 bits" if about["deep"] else "8 bits"
        raise EngineUnusable(f"{model.path} is for video of {wanted}; build one for this with `engine build`")
    if precision not in {"auto", about["precision"]}:
        raise EngineUnusable(
            f"{model.path} is in {about['precision']}, not {precision}; leave out --precision, or build one with "
            "`engine build --precision`"
        )
    return Loaded(header, body, library)


def _opened(load: Callable[[], Loaded], format: VideoFormat, gpu: Gpu, cuda: str) -> Engine:
    """An engine with device memory of its own, which is freed if that fails."""
    memory = open_memory(cuda)
    try:
        return _engine(load(), format, gpu, memory)
    except BaseException:
        memory.close()
        raise


def _engine(loaded: Loaded, format: VideoFormat, gpu: Gpu, memory: Memory) -> Engine:
    kernels = Kernels(loaded.header, loaded.library, gpu)
    execution = Execution(loaded.engine, format, memory, kernels=kernels, log=loaded.log)
    about = loaded.header.about

    def close() -> None:
        nonlocal loaded
        execution.close()
        memory.close()
        del loaded  # the last context of an engine frees it

    return GraphEngine(
        execution,
        format,
        backend="tensorrt",
        precision=str(about["precision"]),
        states={},
        multiple=1,
        in_flight=IN_FLIGHT,
        close=close,
    )
