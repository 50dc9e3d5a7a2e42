"""Which processors are faster in bfloat16."""

from pathlib import Path

import pytest

from streamllie.backends import openvino as backend
from streamllie.backends.cpu import Cpu
from streamllie.frame import VideoFormat
from streamllie.shelf import find
from tests.models.echo import save_echo


def told(folder: Path, *, vendor: str, flags: str) -> Cpu:
    """What Linux would say of a processor of two cores."""
    core = f"processor\t: 0\nvendor_id\t: {vendor}\nmodel name\t: A Processor\nflags\t\t: fpu {flags}\n\n"
    path = folder / "cpuinfo"
    path.write_text(core + core.replace(": 0", ": 1"))
    return Cpu.here(path)


@pytest.mark.parametrize(
    ("vendor", "flags", "computes", "fast"),
    [
        ("AuthenticAMD", "avx2 avx512f avx512_bf16", True, True),
        ("GenuineIntel", "avx2 avx512f avx512_bf16 amx_bf16", True, True),
        ("GenuineIntel", "avx2 avx512f avx512_bf16", True, False),
        ("GenuineIntel", "avx2 avx512f avx512_vnni", False, False),
        ("AuthenticAMD", "avx2", False, False),
    ],
)
def test_bfloat16_is_taken_where_it_is_faster_and_not_wherever_it_exists(tmp_path, vendor, flags, computes, fast):
    cpu = told(tmp_path, vendor=vendor, flags=flags)
    assert cpu.name == "A Processor"
    assert (cpu.computes_bf16, cpu.fast_bf16) == (computes, fast)


def test_a_system_that_tells_nothing_is_no_error_and_gets_float32(tmp_path):
    cpu = Cpu.here(tmp_path / "nothing")
    assert cpu.name
    assert not cpu.fast_bf16


@pytest.mark.parametrize(("fast", "depth", "expected"), [(True, 8, "bf16"), (False, 8, "fp32"), (True, 10, "fp32")])
def test_auto_is_what_the_processor_is_faster_in(monkeypatch, tmp_path, fast, depth, expected):
    cpu = Cpu(name="made", vendor="AuthenticAMD", features=("avx512_bf16",) if fast else ())
    monkeypatch.setattr(Cpu, "here", classmethod(lambda cls: cpu))
    if expected == "bf16" and not backend.has_bf16():
        pytest.skip("this processor does not compute in bfloat16")
    graph, _ = save_echo(tmp_path / "echo.onnx"), save_echo(tmp_path / "echo.deep.onnx")
    with backend.open_engine(find(graph), VideoFormat(height=64, width=64, depth=depth)) as engine:
        assert engine.precision == expected
