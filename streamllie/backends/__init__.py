"""Libraries that run models. Each module opens a model as an Engine; `open_engine` chooses among them."""

import importlib
import importlib.util
import logging
from collections.abc import Callable

from streamllie.backends.base import Engine
from streamllie.errors import BackendError, BackendMissing
from streamllie.frame import VideoFormat
from streamllie.shelf import Model

BACKENDS = ("openvino", "onnxruntime", "eager")  # in the order in which "auto" prefers them: fastest first
PRECISIONS = ("auto", "fp32", "bf16")

_PACKAGE = {"openvino": "openvino", "onnxruntime": "onnxruntime", "eager": "torch"}
_INSTALL = {
    "openvino": "pip install openvino",
    "onnxruntime": 'pip install "streamllie[onnxruntime]"',
    "eager": 'pip install "streamllie[torch]"',
}
_log = logging.getLogger(__name__)


def available() -> dict[str, str | None]:
    """Each backend, and None where it can be used, else a sentence that says why not. Imports no runtime."""
    return {name: _missing(name) for name in BACKENDS}


def open_engine(model: Model, format: VideoFormat, *, backend: str = "auto", precision: str = "auto") -> Engine:
    """Open a model on this machine for frames of one format.

    "auto" takes the fastest backend that is installed, and the fastest precision that does not show; it logs its
    choice. A backend or precision that is named is used or is an error.

    Raises:
        BackendMissing: the backend is not installed.
        BackendError: there is no such backend, or it cannot run this model in this precision.
    """
    if precision not in PRECISIONS:
        raise BackendError(f'no precision "{precision}"; there are: {", ".join(PRECISIONS)}')
    name = _choose(backend)
    opener: Callable[..., Engine] = importlib.import_module(f"streamllie.backends.{name}").open_engine
    engine = opener(model, format, precision=precision)
    _log.info("%s runs %s in %s for %dx%d", name, model.name, engine.precision, format.width, format.height)
    return engine


def _choose(backend: str) -> str:
    if backend == "auto":
        for name in BACKENDS:
            if _missing(name) is None:
                return name
        raise BackendMissing(f"no backend is installed; {_INSTALL['openvino']}")
    if backend not in BACKENDS:
        raise BackendError(f'no backend "{backend}"; there are: auto, {", ".join(BACKENDS)}')
    if reason := _missing(backend):
        raise BackendMissing(reason)
    return backend


def _missing(name: str) -> str | None:
    if importlib.util.find_spec(_PACKAGE[name]) is None:
        return f"backend {name} is not installed; {_INSTALL[name]}"
    return None
