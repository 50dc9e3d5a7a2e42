"""What TensorRT for RTX compiles for a GPU when an engine is first opened, kept for the next time."""

import hashlib
import logging
from typing import Any

from streamllie.backends.engine_cache import EngineCache
from streamllie.backends.engine_file import Header, key_of
from streamllie.backends.gpu import Gpu
from streamllie.backends.tensorrt_library import Library
from streamllie.errors import EngineUnusable

log = logging.getLogger(__name__)


class Kernels:
    """The kernel cache of one engine on one GPU, its driver and its library; nothing with full TensorRT."""

    def __init__(self, engine: Header, library: Library, gpu: Gpu, *, cache: EngineCache | None = None) -> None:
        self._library = library
        self._files = cache or EngineCache()
        about = {"model": engine.about["model"], "flavour": library.flavour, "version": library.version}
        key = key_of({"kernels": engine.key, "name": gpu.name, "capability": gpu.capability, "driver": gpu.driver})
        self._header = Header(kind="kernels", key=key, about=about)
        self._cache: Any = None
        self._seen = ""

    @property
    def records(self) -> bool:
        """Whether its contexts record CUDA graphs by themselves."""
        return self._library.portable

    def context(self, engine: Any) -> Any:
        """An execution context that starts from what was kept; None if the GPU has no room for it."""
        if not self._library.portable:
            return engine.create_execution_context()
        trt = self._library.module
        config = engine.create_runtime_config()
        config.cuda_graph_strategy = trt.CudaGraphStrategy.WHOLE_GRAPH_CAPTURE
        config.dynamic_shapes_kernel_specialization_strategy = trt.DynamicShapesKernelSpecializationStrategy.EAGER
        if self._cache is None:
            self._cache = config.create_runtime_cache()
            self._fill()
        config.set_runtime_cache(self._cache)
        return engine.create_execution_context(config)

    def keep(self) -> None:
        """Write what was compiled since, if anything was. A folder that is full or gone costs only time."""
        if self._cache is None:
            return
        body = bytes(self._cache.serialize())
        if body and _digest(body) != self._seen:
            try:
                self._files.put(self._header, body)
            except EngineUnusable as error:
                log.warning("%s; the next start compiles again", error)

    def _fill(self) -> None:
        kept = self._files.load(self._header.key)
        if kept is None:
            return
        if self._cache.deserialize(kept[1]):
            self._seen = _digest(kept[1])
        else:
            log.warning(
                "the kernels kept for %s are not of this GPU and driver; compiling again", self._header.key[:12]
            )


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
