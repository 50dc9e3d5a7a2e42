"""Find TensorRT: for RTX, from wheels, or the full library; both have one API, and the code takes the module."""

import ctypes
import functools
import importlib
import importlib.util
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streamllie.backends.gpu import Gpu
from streamllie.errors import BackendError, BackendMissing

FLAVOURS = ("tensorrt-rtx", "tensorrt")
OLDEST = 10  # of full TensorRT: the first with strongly typed networks and named tensors alone
# GPUs that TensorRT for RTX compiles for; Ampere and newer without being asked.
RTX_TARGETS = ("sm75", "sm80", "sm86", "sm89", "sm120", "sm121")
_LIBRARIES = ("libcudart.so.*", "libtensorrt_rtx.so.*", "libtensorrt_onnxparser_rtx.so.*")  # in the order of need
_MODULES = {"tensorrt-rtx": "tensorrt_rtx_bindings", "tensorrt": "tensorrt"}
_WHEEL = "onnxruntime_ep_nv_tensorrt_rtx"  # brings the libraries
_INSTALL = 'pip install "streamllie[tensorrt]"'
log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Library:
    """A TensorRT that is loaded."""

    flavour: str  # of FLAVOURS
    version: str
    module: Any  # `tensorrt`, or `tensorrt_rtx_bindings`, which has the same names

    @property
    def portable(self) -> bool:
        """Whether an engine runs on other GPUs than the one it was built on, or on none."""
        return self.flavour == "tensorrt-rtx"


def installed() -> list[str]:
    """The flavours that are installed. Imports none of them."""
    found: list[str] = []
    if importlib.util.find_spec(_MODULES["tensorrt-rtx"]) and importlib.util.find_spec(_WHEEL):
        found.append("tensorrt-rtx")
    if importlib.util.find_spec("tensorrt"):
        found.append("tensorrt")
    return found


def choose(gpu: Gpu | None, flavour: str = "auto") -> Library:
    """Load a flavour. "auto" is TensorRT for RTX where it is installed and runs on the GPU, else the full library.

    Raises:
        BackendMissing: it is not installed.
    """
    there = installed()
    if flavour == "auto":
        fits = gpu is None or runs_rtx(gpu)
        order = FLAVOURS if fits else FLAVOURS[::-1]
        flavour = next((name for name in order if name in there), FLAVOURS[0])
    if flavour not in FLAVOURS:
        raise BackendError(f'no flavour "{flavour}" of TensorRT; there are: auto, {", ".join(FLAVOURS)}')
    if not there:
        raise BackendMissing(f"TensorRT is not installed; {_INSTALL}")
    if flavour not in there:
        raise BackendMissing(f"{flavour} is not installed; installed is {', '.join(there)}")
    return load(flavour)


def runs_rtx(gpu: Gpu) -> bool:
    """Whether TensorRT for RTX compiles for this GPU."""
    return gpu.architecture in RTX_TARGETS or gpu.capability >= (12, 0)


def unfit(gpu: Gpu, flavours: Iterable[str]) -> str | None:
    """None where one of these flavours runs on this GPU, else a sentence with the way out."""
    if runs_rtx(gpu) or "tensorrt" in flavours:
        return None
    capability = ".".join(map(str, gpu.capability))
    return (
        f"TensorRT for RTX does not run on {gpu.name} (compute capability {capability}); "
        "install full TensorRT, or use --backend eager-cuda"
    )


@functools.cache
def load(flavour: str) -> Library:
    """Import a flavour that is installed, its libraries first."""
    try:
        if flavour == "tensorrt-rtx":
            _load_libraries()
        module = importlib.import_module(_MODULES[flavour])
    except (ImportError, OSError) as error:
        raise BackendMissing(f"{flavour} cannot be loaded: {error}; {_INSTALL}") from error
    version = str(module.__version__)
    if flavour == "tensorrt" and int(version.split(".", maxsplit=1)[0]) < OLDEST:
        raise BackendMissing(f"TensorRT {version} is too old; {OLDEST}.0 or newer is needed")
    return Library(flavour=flavour, version=version, module=module)


def logger(library: Library) -> Any:
    """A logger for one builder or runtime: our log gets all, for debugging, and `errors` what went wrong."""
    base = library.module.ILogger

    class Log(base):
        def __init__(self) -> None:
            base.__init__(self)
            self.errors: list[str] = []

        def log(self, severity: Any, msg: str) -> None:
            """Called by the library, from any of its threads."""
            if severity <= base.Severity.ERROR:
                self.errors.append(msg)
            log.debug("%s: %s", library.flavour, msg)

        def reason(self) -> str:
            """The first error since it was last asked for, in one line."""
            errors, self.errors = self.errors, []
            return " ".join(errors[0].split())[:300] if errors else "no reason given"

    return Log()


def _load_libraries() -> None:
    """The bindings do not know where the wheel keeps their libraries: load these first, for all to see."""
    spec = importlib.util.find_spec(_WHEEL)
    if spec is None or spec.origin is None:
        raise ImportError(f"{_WHEEL} is not installed")
    for pattern in _LIBRARIES:
        found = sorted(Path(spec.origin).parent.glob(pattern))
        if not found:
            raise ImportError(f"{_WHEEL} has no {pattern}")
        ctypes.CDLL(str(found[-1]), mode=ctypes.RTLD_GLOBAL)
