"""What works on this machine, what does not, and why."""

import importlib.metadata
import os
import platform
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import streamllie
from streamllie.backends import available, open_engine
from streamllie.backends.cpu import Cpu, cores
from streamllie.backends.cuda import open_memory
from streamllie.backends.engine_build import build_engine
from streamllie.backends.engine_cache import EngineCache, cache_folder
from streamllie.backends.gpu import find_gpu, no_gpu
from streamllie.backends.tensorrt_build import Sizes
from streamllie.backends.tensorrt_library import choose
from streamllie.errors import StreamLLIEError
from streamllie.frame import Frame, VideoFormat
from streamllie.shelf import Model, checked, find, models
from streamllie.video.cameras import cameras
from streamllie.video.choice import probe
from streamllie.video.encoders import ENCODERS
from streamllie.video.hardware import probe_nvdec
from streamllie.video.v4l2 import devices

PACKAGES = (
    *("numpy", "opencv-python-headless", "opencv-python", "openvino", "onnxruntime", "torch"),
    *("tensorrt", "tensorrt-rtx-cu13-bindings", "onnxruntime-ep-nv-tensorrt-rtx-cu13", "cuda-python", "pycuda"),
)
SIDE = 64  # pixels of the frame that is enhanced to see whether that works
REFERENCE = "eager"
MOST_APART = 0.6  # levels of 8 bits, on average: narrow precisions stay below
NO_MODEL = "no model to try it with"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    subject: str
    works: bool
    detail: str  # the version, the value, or the reason why not

    def event(self) -> dict[str, object]:
        """The line of `doctor --json`."""
        return {"subject": self.subject, "works": self.works, "detail": self.detail}


def examine() -> list[Finding]:
    """Look at everything that a run needs. Models and hardware encoders are really tried, with one small frame."""
    return [*_machine(), *_packages(), *_shelf(), *_backends(), *_nvidia(), *_encoders(), _nvdec(), _camera(), _cache()]


def _machine() -> Iterator[Finding]:
    yield Finding(subject="streamllie", works=True, detail=streamllie.__version__)
    yield Finding(subject="python", works=True, detail=f"{platform.python_version()} on {platform.platform()}")
    cpu = Cpu.here()
    features = " ".join(cpu.features) or "no AVX"
    many = f"{cores()} core{'s' * (cores() != 1)}"
    yield Finding(subject="cpu", works=True, detail=f"{cpu.name}, {many} available, {features}")
    yield Finding(subject="bfloat16", works=cpu.fast_bf16, detail=_about_bf16(cpu))


def _about_bf16(cpu: Cpu) -> str:
    if cpu.fast_bf16:
        return "the CPU is faster in it, so models run in it"
    if cpu.computes_bf16:
        return "the CPU computes in it, but is no faster than in fp32, so models run in fp32"
    return "the CPU has neither avx512_bf16 nor amx_bf16, so models run in fp32"


def _packages() -> Iterator[Finding]:
    import av  # noqa: PLC0415 - only its word about the libraries inside it

    libraries = ", ".join(f"{name} {'.'.join(map(str, v))}" for name, v in sorted(av.library_versions.items()))
    yield Finding(subject="package av", works=True, detail=f"{av.__version__} with {libraries}")
    for name in PACKAGES:
        try:
            yield Finding(subject=f"package {name}", works=True, detail=importlib.metadata.version(name))
        except importlib.metadata.PackageNotFoundError:
            yield Finding(subject=f"package {name}", works=False, detail="not installed")


def _shelf() -> Iterator[Finding]:
    try:
        on_shelf = models()
    except StreamLLIEError as error:
        yield Finding(subject="shelf", works=False, detail=str(error))
        return
    if not on_shelf:
        yield Finding(subject="shelf", works=False, detail="no model is on it")
    for model in on_shelf:
        try:
            checked(model)
            detail = f"{model.path}, sha256 {model.sha256[:12]} as in the manifest"
            yield Finding(subject=f"model {model.name}", works=True, detail=detail)
        except StreamLLIEError as error:
            yield Finding(subject=f"model {model.name}", works=False, detail=str(error))


def _backends() -> Iterator[Finding]:
    model, known = _whole_model(), available()
    found: dict[str, Finding] = {}
    reference = None
    for name in sorted(known, key=lambda name: name != REFERENCE):  # that first: the others are held against it
        subject = f"backend {name}"
        if (missing := known[name]) is not None or model is None:
            found[name] = Finding(subject=subject, works=False, detail=missing or NO_MODEL)
            continue
        try:
            out, precision = _tried(model, name)
        except (StreamLLIEError, ImportError, OSError, RuntimeError) as error:
            found[name] = Finding(subject=subject, works=False, detail=str(error))
            continue
        detail, works = f"ran {model.name} in {precision}", True
        if name == REFERENCE:
            reference = out
        elif reference is not None:
            gaps = [np.abs(a.astype(float) - b) for a, b in zip(out, reference, strict=True)]
            largest, mean = max(gap.max() for gap in gaps), np.mean([gap.mean() for gap in gaps])
            detail += f"; against {REFERENCE}: largest difference {largest:.0f}, mean {mean:.3f} levels"
            works = bool(mean <= MOST_APART)
            detail += "" if works else "; use another --backend and report it"
        found[name] = Finding(subject=subject, works=works, detail=detail)
    yield from (found[name] for name in known)


def _whole_model() -> Model | None:
    """The first on the shelf that is; what is damaged is told as such."""
    with suppress(StreamLLIEError):
        for model in models():
            with suppress(StreamLLIEError):
                return find(model.name)
    return None


def _tried(model: Model, backend: str) -> tuple[list[NDArray[Any]], str]:
    """The planes of one dark frame with a gradient, enhanced, and the precision."""
    format = VideoFormat(height=SIDE, width=SIDE)
    half = np.full((SIDE // 2, SIDE // 2), 128, np.uint8)
    luma = np.linspace(18, 60, SIDE * SIDE).reshape(SIDE, SIDE).astype(np.uint8)
    with open_engine(model, format, backend=backend) as engine:
        out = engine(Frame(y=luma, u=half, v=half, pts=0, time_base=Fraction(1, 30)))
        return [out.y, out.u, out.v], engine.precision


def _nvidia() -> Iterator[Finding]:
    """Each link from the driver to an engine."""
    gpu = None if (reason := no_gpu()) is not None else find_gpu()
    said = reason if gpu is None else f"{gpu.name}, {gpu.architecture}, {gpu.memory >> 20} MiB, CUDA {gpu.driver}"
    yield Finding(subject="nvidia driver and GPU", works=gpu is not None, detail=str(said))
    try:
        library = choose(gpu)
        yield Finding(subject="tensorrt library", works=True, detail=f"{library.flavour} {library.version} loads")
    except StreamLLIEError as error:
        yield Finding(subject="tensorrt library", works=False, detail=str(error))
        return
    try:
        layer = open_memory()
        layer.close()
        yield Finding(subject="cuda memory", works=True, detail=f"{layer.name} allocates on the GPU")
    except StreamLLIEError as error:
        yield Finding(subject="cuda memory", works=False, detail=str(error))
    if (model := _whole_model()) is None:
        yield Finding(subject="engine build", works=False, detail=NO_MODEL)
        return
    try:
        with tempfile.TemporaryDirectory(prefix="streamllie-doctor-") as folder:
            fixed = (Sizes.fixed(SIDE, SIDE),)
            built = build_engine(model.name, sizes=fixed, cache=EngineCache(Path(folder)))
        detail = f"built {built.header.about['model']} in {built.header.about['precision']} in {built.seconds:.1f} s"
        yield Finding(subject="engine build", works=True, detail=detail)
    except (StreamLLIEError, ImportError) as error:
        yield Finding(subject="engine build", works=False, detail=str(error))


def _nvdec() -> Finding:
    """Decode one frame on the GPU: a codec that is only listed may still find no decoder in it."""
    subject = "nvdec"
    failure = "there is no NVIDIA driver or GPU" if no_gpu() else probe_nvdec()
    if failure:
        return Finding(subject=subject, works=False, detail=f"{failure}; runs decode on the CPU anyway")
    return Finding(subject=subject, works=True, detail="one frame was decoded on the GPU; runs decode on the CPU")


def _camera() -> Finding:
    """Cameras as the system lists them; whether one gives frames is seen when it is opened."""
    found = [f"{camera.name} ({camera.device})" for camera in cameras()]
    shut = [device for device in devices() if not os.access(device, os.R_OK | os.W_OK)]
    said = [", ".join(found)] if found else []
    if shut:
        said.append(f"{', '.join(shut)} may not be opened; add yourself to the group video and log in again")
    detail = "; ".join(said) or "none is there; plug one in, or pass it through"
    return Finding(subject="camera", works=bool(found), detail=detail)


def _encoders() -> Iterator[Finding]:
    for encoder in ENCODERS:
        # NVENC takes no less than 145 x 49.
        failure = probe(encoder.name, 256, 256, next(iter(encoder.layouts.values())))
        kind = "hardware" if encoder.hardware else "software"
        detail = f"does not run: {failure}" if failure else f"{'runs' if encoder.hardware else 'is there'}, {kind}"
        yield Finding(subject=f"encoder {encoder.name}", works=failure is None, detail=f"{encoder.family}, {detail}")


def _cache() -> Finding:
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe_file = folder / f".doctor-{os.getpid()}"
        probe_file.write_bytes(b"")
        probe_file.unlink()
    except OSError as error:
        return Finding(subject="cache folder", works=False, detail=f"{folder}: {error.strerror}")
    return Finding(subject="cache folder", works=True, detail=str(folder))
