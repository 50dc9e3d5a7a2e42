"""Run models with OpenVINO: the default on CPUs; in bfloat16 where the CPU is faster in it."""

from contextlib import suppress
from pathlib import Path

from streamllie.backends.base import NEXT, Arrays, Engine, GraphEngine, Running
from streamllie.backends.compiled import Compiled
from streamllie.backends.cpu import Cpu, cores
from streamllie.backends.engine_file import key_of
from streamllie.backends.graphs import even_sizes, graph_path, state_shape
from streamllie.backends.imports import without
from streamllie.errors import BackendError
from streamllie.frame import VideoFormat
from streamllie.shelf import Model, sha256

# Its import reports itself to its maker over the network and keeps an identity in ~/intel, unasked, if it finds this.
with without("openvino_telemetry"):
    import openvino as ov


def has_bf16() -> bool:
    """Whether the CPU computes in bfloat16."""
    return "BF16" in ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def open_engine(model: Model, format: VideoFormat, *, precision: str = "auto") -> Engine:
    """Open a model. "auto" is bf16 for 8-bit frames where the CPU is faster in it: rounding stays below a level."""
    if precision == "auto":
        precision = "bf16" if format.depth == 8 and Cpu.here().fast_bf16 and has_bf16() else "fp32"
    if precision not in {"bf16", "fp32"}:
        raise BackendError(f"backend openvino has no {precision} on CPUs; use --precision auto, fp32 or bf16")
    if precision == "bf16" and not has_bf16():
        raise BackendError("this CPU does not compute in bfloat16; use --precision fp32 or auto")
    path = graph_path(model, format)
    compiled = _compiled(path, format, precision)
    inputs = {port.get_any_name(): port.get_shape() for port in compiled.inputs}
    outputs = [port.get_any_name() for port in compiled.outputs]
    states = {name: tuple(inputs[name]) for name in inputs if NEXT + name in outputs}
    request = compiled.create_infer_request()

    def run(inputs: Arrays) -> Running:
        try:
            result = request.infer(dict(inputs), share_inputs=True, share_outputs=False)
        except RuntimeError as error:
            raise BackendError(f"OpenVINO failed on a frame: {_last_line(error)}") from error
        return Running.done({name: result[index] for index, name in enumerate(outputs)})

    return GraphEngine(run, format, backend="openvino", precision=precision, states=states)


def _compiled(path: Path, format: VideoFormat, precision: str) -> ov.CompiledModel:
    """The graph, compiled for frames of one size: anew, or as it was kept."""
    height, width = even_sizes(format)
    parts = {"graph": sha256(path), "size": [height, width], "precision": precision}
    here = {"cpu": repr(Cpu.here()), "cores": cores(), "version": ov.get_version()}
    kept, key = Compiled("openvino", ov.get_version()), key_of(parts | here)
    hint = {"fp32": ov.Type.f32, "bf16": ov.Type.bf16}[precision]
    options = {"INFERENCE_PRECISION_HINT": hint, "PERFORMANCE_HINT": "LATENCY"}
    core = ov.Core()
    if (body := kept.load(key)) is not None:
        with suppress(RuntimeError):  # nothing that this OpenVINO reads: compiled again
            return core.import_model(body, "CPU", options)
    half = [1, 1, height // 2, width // 2]
    try:
        graph = core.read_model(path)
        inputs = {port.get_any_name(): port.get_partial_shape() for port in graph.inputs}
        outputs = {port.get_any_name() for port in graph.outputs}
        dims = {name: [d.get_length() if d.is_static else None for d in inputs[name]] for name in inputs}
        states = {name: list(state_shape(dims[name], format)) for name in inputs if NEXT + name in outputs}
        graph.reshape({"y": [1, 1, height, width], "u": half, "v": half, **states})
        compiled = core.compile_model(graph, "CPU", options)
    except RuntimeError as error:
        raise BackendError(f"OpenVINO cannot open {path}: {_last_line(error)}") from error
    kept.keep(key, compiled.export_model().getvalue())
    return compiled


def _last_line(error: Exception) -> str:
    """What it is; the lines before say where in OpenVINO's source it was noticed."""
    return next((line.strip() for line in reversed(str(error).splitlines()) if line.strip()), type(error).__name__)
