"""Build a TensorRT engine from an exported graph. For RTX this needs no GPU: its own part is made when it is opened."""

import hashlib
import itertools
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from streamllie.backends.engine_file import Header, key_of
from streamllie.backends.gpu import Gpu
from streamllie.backends.graphs import BLOCK, QUARTER, padded
from streamllie.backends.tensorrt_library import RTX_TARGETS, Library, logger
from streamllie.errors import BackendError, BackendMissing
from streamllie.interrupts import postponed

PRECISIONS = ("fp16", "bf16", "fp32")

Step = Callable[[float], None]  # called with the share that is done, 0 to 1


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Frame sizes that an engine takes, (height, width) each, before padding."""

    least: tuple[int, int] = (16, 16)
    best: tuple[int, int] = (1080, 1920)  # what it is made fast for
    most: tuple[int, int] = (3840, 3840)  # 4K, on its side too

    @classmethod
    def fixed(cls, height: int, width: int) -> "Sizes":
        """One size alone."""
        return cls(least=(height, width), best=(height, width), most=(height, width))

    def takes(self, height: int, width: int) -> bool:
        """Whether frames of a size fit."""
        least, most = padded(*self.least), padded(*self.most)
        return all(a <= b <= c for a, b, c in zip(least, padded(height, width), most, strict=True))


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to build."""

    model: str  # for people; not part of the key
    graph: bytes  # the ONNX file, float32
    precision: str = "fp16"  # of PRECISIONS
    sizes: tuple[Sizes, ...] = (Sizes(),)  # an optimisation profile each
    targets: tuple[str, ...] = ()  # GPUs to compile for, such as ("sm86", "sm89"); none: what the library likes best

    def key(self, library: Library, gpu: Gpu | None) -> str:
        """What tells this engine from any other."""
        return key_of(
            {
                "graph": hashlib.sha256(self.graph).hexdigest(),
                "sizes": [asdict(s) for s in self.sizes],
                "precision": self.precision,
                "flags": {"targets": self.targets, "block": BLOCK, "strongly_typed": True},
                "flavour": library.flavour,
                "version": library.version,
                "gpu": device(library, gpu),
            }
        )

    def timing_key(self, library: Library, gpu: Gpu | None) -> str:
        """What tells measurements of kernels from those on other machines."""
        return key_of({"timings": library.flavour, "version": library.version, "gpu": device(library, gpu)})


def device(library: Library, gpu: Gpu | None) -> dict[str, Any] | None:
    """The part of a key that is the GPU: None for an engine that is compiled further wherever it is opened."""
    if library.portable:
        return None
    if gpu is None:
        raise BackendError("full TensorRT builds for the GPU at hand, and there is none; use TensorRT for RTX")
    return {"name": gpu.name, "capability": gpu.capability, "driver": gpu.driver}


def check(plan: Plan, library: Library, gpu: Gpu | None) -> None:
    """Refuse what cannot be built, before any work: the graph is not looked at."""
    device(library, gpu)
    if plan.precision not in PRECISIONS:
        raise BackendError(f'no precision "{plan.precision}" of engines; there are: {", ".join(PRECISIONS)}')
    if plan.targets and not library.portable:
        raise BackendError("full TensorRT builds for the GPU at hand only; leave --target out")
    for target in plan.targets:
        if target not in RTX_TARGETS:
            raise BackendError(f'no target "{target}"; there are: {", ".join(RTX_TARGETS)}')
    for sizes in plan.sizes:
        chain = [padded(*size) for size in (sizes.least, sizes.best, sizes.most)]
        if any(a > b for pair in itertools.pairwise(chain) for a, b in zip(*pair, strict=True)):
            raise BackendError(f"the sizes {_words(sizes)} do not grow; the smallest comes first")


def build(
    plan: Plan,
    library: Library,
    gpu: Gpu | None,
    *,
    timings: bytes = b"",
    on_step: Step | None = None,
    on_timings: Callable[[bytes], None] | None = None,
) -> tuple[Header, bytes]:
    """The engine as a header and a body. Seconds for RTX; minutes, on a GPU, for the full library.

    `timings` are the measurements of an earlier build on the same GPU with the same full library; `on_timings`
    is given those of this one.

    Raises:
        BackendMissing: the package `onnx` is not installed.
        BackendError: the graph or the plan is refused; the text has the library's reason.
    """
    check(plan, library, gpu)
    try:
        from streamllie.backends.rewrite import rewritten  # noqa: PLC0415 - needs onnx, which is in no plain install
    except ImportError as error:
        raise BackendMissing(f'building engines needs onnx ({error}); pip install "streamllie[tensorrt]"') from None
    began = time.perf_counter()
    graph = rewritten(plan.graph, name=plan.model, precision=plan.precision, multiple=BLOCK)
    with postponed() as signals:  # the library calls our log and monitor, and would swallow what a handler raises there
        network, serialized, measured = _built(graph, plan, library, timings, on_step, ended=lambda: bool(signals))
    if on_timings is not None and measured:
        on_timings(measured)
    about = {
        "model": plan.model,
        "precision": plan.precision,
        "deep": _is_deep(network, library.module),
        "sizes": [asdict(sizes) for sizes in plan.sizes],
        "targets": list(plan.targets),
        "flavour": library.flavour,
        "version": library.version,
        "gpu": device(library, gpu),
        "seconds": round(time.perf_counter() - began, 2),
        "layers": _layers(network),
    }
    return Header(kind="engine", key=plan.key(library, gpu), about=about), serialized


def _built(
    graph: bytes, plan: Plan, library: Library, timings: bytes, on_step: Step | None, *, ended: Callable[[], bool]
) -> tuple[Any, bytes, bytes]:
    """The network, the engine, and what the full library has measured."""
    trt, log = library.module, logger(library)
    builder = trt.Builder(log)
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(network, log)
    if not parser.parse(graph):
        reasons = "; ".join(parser.get_error(i).desc() for i in range(parser.num_errors))
        raise BackendError(f"{library.flavour} does not take the graph of {plan.model}: {reasons or log.reason()}")
    config = builder.create_builder_config()
    _aim(config, plan, trt)
    for sizes in plan.sizes:
        config.add_optimization_profile(_profile(builder, network, sizes))
    config.progress_monitor = monitor = _monitor(trt, on_step, ended)  # it must live as long as the build
    if not library.portable:  # RTX measures nothing
        config.set_timing_cache(config.create_timing_cache(timings), ignore_mismatch=False)
    serialized = builder.build_serialized_network(network, config)
    if serialized is None:
        raise BackendError(f"{library.flavour} could not build {plan.model} in {plan.precision}: {log.reason()}")
    del monitor
    measured = b"" if library.portable else bytes(config.get_timing_cache().serialize())
    return network, bytes(serialized), measured


def _aim(config: Any, plan: Plan, trt: Any) -> None:
    """Name the GPUs to compile for."""
    if plan.targets:
        config.num_compute_capabilities = len(plan.targets)
        for index, target in enumerate(plan.targets):
            config.set_compute_capability(getattr(trt.ComputeCapability, target.upper()), index)


def _profile(builder: Any, network: Any, sizes: Sizes) -> Any:
    profile = builder.create_optimization_profile()
    for index in range(network.num_inputs):
        tensor = network.get_input(index)
        if -1 not in tuple(tensor.shape):
            continue
        part = {"y": 1, "u": 2, "v": 2}.get(tensor.name, QUARTER)
        shapes = [
            (*tuple(tensor.shape)[:2], *(side // part for side in padded(*size)))
            for size in (sizes.least, sizes.best, sizes.most)
        ]
        profile.set_shape(tensor.name, *shapes)
    return profile


def _is_deep(network: Any, trt: Any) -> bool:
    """Whether the graph is for video of more than 8 bits: it has float32 planes."""
    inputs = (network.get_input(index) for index in range(network.num_inputs))
    return any(tensor.name == "y" and tensor.dtype != trt.uint8 for tensor in inputs)


def _layers(network: Any) -> dict[str, int]:
    """How many layers compute in which type."""
    layers = (network.get_layer(i) for i in range(network.num_layers))
    outputs = (layer.get_output(0) for layer in layers if layer.num_outputs)
    return dict(Counter(output.dtype.name.lower() for output in outputs).most_common())


def _monitor(trt: Any, on_step: Step | None, ended: Callable[[], bool]) -> Any:
    """Progress of a build: the share of the steps of its outermost phase, until it is to end."""
    base = trt.IProgressMonitor

    class Monitor(base):
        def __init__(self) -> None:
            base.__init__(self)
            self.whole: tuple[str, int] | None = None

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
            """Called by the library, as are the others."""
            if parent_phase is None:
                self.whole = (phase_name, max(num_steps, 1))

        def step_complete(self, phase_name: str, step: int) -> bool:
            """True: go on."""
            if on_step is not None and self.whole is not None and phase_name == self.whole[0]:
                on_step(min((step + 1) / self.whole[1], 1.0))
            return not ended()

        def phase_finish(self, phase_name: str) -> None:
            """A phase is over."""

    return Monitor()


def _words(sizes: Sizes) -> str:
    return ", ".join(dict.fromkeys(f"{width}x{height}" for height, width in (sizes.least, sizes.best, sizes.most)))
