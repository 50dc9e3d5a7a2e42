"""One contract for all backends: each test runs once for every backend that is installed."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from streamllie import backends, shelf
from streamllie.backends import PRECISIONS, available, open_engine
from streamllie.backends.base import Engine
from streamllie.errors import BackendError, BackendMissing, ModelError
from streamllie.frame import Frame, Levels, VideoFormat
from streamllie.video import VideoSource

NIGHT = Path(__file__).parents[2] / "examples" / "night.mp4"
ON_GPU = {"tensorrt", "onnxruntime-tensorrt", "onnxruntime-cuda", "eager-cuda"}
MUST = {"tensorrt"} if os.environ.get("STREAMLLIE_GPU") == "must" else set()  # tried even where it cannot work
INSTALLED = [
    pytest.param(name, marks=pytest.mark.cuda if name in ON_GPU else ())
    for name, missing in available().items()
    if missing is None or name in MUST
]


def dark_frame(format: VideoFormat, *, seed: int = 0) -> Frame:
    """A dark gradient with noise and a lamp."""
    rng, levels = np.random.default_rng(seed), Levels.of(depth=format.depth, full_range=format.full_range)
    h, w = format.height, format.width
    light = np.linspace(0.02, 0.12, h * w).reshape(h, w) + rng.normal(0, 0.01, (h, w))
    light[h // 4 : h // 3, w // 4 : w // 3] = 0.95
    half = ((h + 1) // 2, (w + 1) // 2)
    dtype = np.uint8 if format.depth == 8 else np.uint16
    y = (levels.black + levels.luma_range * light.clip(0, 1)).astype(dtype)
    u, v = ((levels.neutral + levels.chroma_range * rng.normal(0, 0.01, half)).astype(dtype) for _ in "uv")
    return Frame(y=y, u=u, v=v, pts=7, time_base=Fraction(1, 30))


def planes(frame: Frame) -> tuple[np.ndarray, ...]:
    return frame.y, frame.u, frame.v


def largest_difference(a: Frame, b: Frame) -> float:
    return max(np.abs(p.astype(float) - q).max() for p, q in zip(planes(a), planes(b), strict=True))


@pytest.fixture(scope="session")
def lite() -> shelf.Model:
    return shelf.find("lite")


@pytest.fixture(params=INSTALLED, scope="module")
def backend(request) -> str:
    return request.param


SMALL = VideoFormat(height=96, width=128)


@pytest.fixture(scope="module")
def opened(lite, backend) -> Iterator[Engine]:
    """Opening takes longer than all that is done with it."""
    with open_engine(lite, SMALL, backend=backend) as engine:
        yield engine


@pytest.fixture
def engine(opened) -> Engine:
    """One for `SMALL` that remembers nothing."""
    opened.reset()
    return opened


def test_a_frame_comes_out_brighter_with_its_size_type_and_time(engine, backend):
    frame = dark_frame(SMALL)
    out = engine(frame)
    assert engine.backend == backend
    assert out.y.mean() > 2 * frame.y.mean()
    assert (out.pts, out.time_base) == (frame.pts, frame.time_base)
    for p, q in zip(planes(out), planes(frame), strict=True):
        assert p.shape == q.shape
        assert p.dtype == q.dtype


@pytest.mark.parametrize(
    ("depth", "full_range", "height", "width"),
    [
        (8, False, 95, 127),
        (8, True, 49, 66),
        (8, True, 2, 2),
        (10, True, 96, 128),
        (10, False, 2, 2),
        (12, False, 49, 66),
    ],
)
def test_strength_0_gives_the_input_exactly_at_any_size_depth_and_range(
    lite, backend, depth, full_range, height, width
):
    format = VideoFormat(height=height, width=width, depth=depth, full_range=full_range)
    frame = dark_frame(format)
    with open_engine(lite, format, backend=backend) as engine:
        assert largest_difference(engine(frame, strength=0.0), frame) == 0


def bright_frame(scene: str) -> Frame:
    y, u, v = np.full((96, 128), 200, np.uint8), np.full((48, 64), 128, np.uint8), np.full((48, 64), 128, np.uint8)
    match scene:
        case "snow under a black sky":
            y[:48], y[48:] = 8, 250
        case "blue sky":
            y[:], u[:], v[:] = 120, 180, 80
        case "white" | "black":
            y[:] = 255 if scene == "white" else 0
        case "checkerboard":
            y[:] = 255 * (np.indices(y.shape).sum(axis=0) // 8 % 2)
    return Frame(y=y, u=u, v=v, pts=0, time_base=Fraction(1, 30))


def test_a_well_lit_frame_comes_out_much_as_it_went_in(lite, backend):
    with open_engine(lite, VideoFormat(height=96, width=128, full_range=True), backend=backend) as engine:
        for scene in ("snow under a black sky", "blue sky", "white", "black", "checkerboard"):
            frame = bright_frame(scene)
            for p, q in zip(planes(engine(frame)), planes(frame), strict=True):
                assert np.abs(p.astype(float) - q).mean() < 25, f"{scene}: a tenth of the range"


def test_keep_0_has_no_memory_and_keep_above_0_has_one(engine):
    first, second = dark_frame(SMALL), replace(dark_frame(SMALL, seed=1), y=dark_frame(SMALL).y // 2 + 8)
    alone = engine(second)
    engine(first)
    assert largest_difference(engine(second, keep=0.0), alone) == 0
    engine(first)
    assert largest_difference(engine(second, keep=0.9), alone) > 0


def test_reset_forgets_and_the_first_frame_never_remembers(lite, backend):
    first, second = dark_frame(SMALL), replace(dark_frame(SMALL, seed=1), y=dark_frame(SMALL).y // 2 + 8)
    with open_engine(lite, SMALL, backend=backend) as engine:
        assert engine.memory == {}
        alone = engine(second, keep=0.9)  # nothing to remember yet
        engine(first)
        engine.reset()
        assert largest_difference(engine(second, keep=0.9), alone) == 0


def test_a_steady_input_comes_to_rest_where_it_would_have_without_what_was_before(engine):
    frame = dark_frame(SMALL)
    for _ in range(150):
        alone = engine(frame, keep=0.9)
    engine.reset()
    engine(replace(frame, y=frame.y // 2 + 8))
    for _ in range(150):
        out = engine(frame, keep=0.9)
    before = out
    after = engine(frame, keep=0.9)
    assert largest_difference(after, before) <= 1, "the last bit of the memory may tip a rounding"
    assert np.mean(after.y != before.y) < (0.001 if engine.precision == "fp32" else 0.03)
    assert largest_difference(out, alone) <= 1


def test_results_stay_whole_while_later_frames_run(engine):
    out = engine(dark_frame(SMALL))
    copy = [p.copy() for p in planes(out)]
    engine(dark_frame(SMALL, seed=9))
    assert all(np.array_equal(p, q) for p, q in zip(planes(out), copy, strict=True))


def test_float32_engines_are_within_one_level_of_the_reference(lite, backend):
    for format in (
        SMALL,
        replace(SMALL, height=181, width=317),
        replace(SMALL, depth=10),
        replace(SMALL, full_range=True),
    ):
        frame = dark_frame(format)
        with (
            open_engine(lite, format, backend=backend, precision="fp32") as engine,
            open_engine(lite, format, backend="eager") as reference,
        ):
            assert largest_difference(engine(frame), reference(frame)) <= 1


@pytest.fixture(scope="session")
def night_frames() -> list[Frame]:
    """Real dark frames: three of the example clip, cropped."""
    with VideoSource(NIGHT) as source:
        frames = [frame for n, frame in enumerate(source) if n in {0, 20, 40}]
    return [
        Frame(y=f.y[100:340, 200:520], u=f.u[50:170, 100:260], v=f.v[50:170, 100:260], pts=f.pts, time_base=f.time_base)
        for f in frames
    ]


@pytest.mark.parametrize("precision", [name for name in PRECISIONS if name not in {"auto", "fp32"}])
def test_narrow_precisions_stay_on_average_within_0_6_of_a_level_on_real_frames(lite, backend, precision, night_frames):
    format = VideoFormat(height=240, width=320)
    try:
        engine = open_engine(lite, format, backend=backend, precision=precision)
    except BackendError as error:
        assert precision in str(error) or "bfloat16" in str(error) or "reference" in str(error)
        pytest.skip(str(error))
    with engine, open_engine(lite, format, backend="eager") as reference:
        assert engine.precision == precision
        for frame in night_frames:
            out, expected = engine(frame, keep=0.8), reference(frame, keep=0.8)
            assert expected.y.mean() > 1.5 * frame.y.mean()
            for p, q in zip(planes(out), planes(expected), strict=True):
                assert np.abs(p.astype(float) - q).mean() <= 0.6


def test_the_memory_of_one_engine_can_go_on_in_another(lite, engine):
    first, second = dark_frame(SMALL), replace(dark_frame(SMALL, seed=1), y=dark_frame(SMALL).y // 2 + 8)
    with open_engine(lite, SMALL, backend="eager") as before:
        assert before.memory == engine.memory == {}
        before(first)
        engine.remember(before.memory)
        out, expected = engine(second, keep=0.9), before(second, keep=0.9)
        assert largest_difference(out, expected) <= 12, "bfloat16 at most; without the memory it would be far more"
        engine.reset()
        assert largest_difference(out, expected) < largest_difference(engine(second), expected)


def test_frames_that_are_started_ahead_come_out_as_one_by_one(engine):
    frames = [dark_frame(SMALL, seed=seed) for seed in range(4)]
    alone = [engine(frame, keep=0.8) for frame in frames]
    engine.reset()
    started: list = []
    for frame, expected in zip(frames, alone, strict=True):
        started.append((engine.start(frame, keep=0.8), expected))
        while len(started) >= engine.in_flight:
            take, before = started.pop(0)
            assert largest_difference(take(), before) == 0
    for take, before in started:
        assert largest_difference(take(), before) == 0


def test_a_frame_of_another_size_or_depth_is_refused_with_both_named(engine):
    with pytest.raises(ValueError, match=r"plane y is \(48, 64\) uint8, this engine was opened for \(96, 128\)"):
        engine(dark_frame(replace(SMALL, height=48, width=64)))
    with pytest.raises(ValueError, match="uint16"):
        engine(dark_frame(replace(SMALL, depth=10)))


@pytest.mark.parametrize("option", ["keep", "strength"])
def test_controls_outside_0_to_1_are_refused(engine, option):
    with pytest.raises(ValueError, match=f"{option} is 1.5"):
        engine(dark_frame(SMALL), **{option: 1.5})


def test_a_closed_engine_says_so(lite, backend):
    with open_engine(lite, SMALL, backend=backend) as engine:
        pass
    with pytest.raises(BackendError, match="closed"):
        engine(dark_frame(SMALL))


def test_frames_that_cannot_be_written_to_are_welcome(engine):
    frame = dark_frame(SMALL)
    for plane in planes(frame):
        plane.flags.writeable = False
    engine(frame)


def test_a_damaged_model_file_is_one_sentence(backend, tmp_path):
    for end in (".onnx", ".pt"):
        (tmp_path / f"torn{end}").write_bytes(b"not a model")
    with pytest.raises((BackendError, ModelError), match="torn"):
        open_engine(shelf.find(tmp_path / "torn.onnx"), SMALL, backend=backend)


def test_a_lone_checkpoint_runs_by_itself_where_pytorch_is(tmp_path, monkeypatch):
    path = shutil.copy(shelf.find("lite").weights_path, tmp_path / "mine.pt")
    with open_engine(shelf.find(path), SMALL) as engine:
        assert engine.backend.startswith("eager")
    monkeypatch.setattr(backends, "_home", lambda module: None)
    with pytest.raises(BackendMissing, match="is a checkpoint, which needs PyTorch"):
        open_engine(shelf.find(path), SMALL)


def test_a_damaged_graph_is_told_by_the_preferred_backend_and_no_checkpoint_is_asked_for(tmp_path, caplog):
    (tmp_path / "torn.onnx").write_bytes(b"not a model")
    with pytest.raises(BackendError, match=r"torn\.onnx: \w+") as raised:
        open_engine(shelf.find(tmp_path / "torn.onnx"), SMALL)
    assert ".cpp" not in str(raised.value)
    assert "checkpoint" not in str(raised.value) + caplog.text


@pytest.mark.skipif(available()["tensorrt"] is None, reason="this machine has TensorRT and a GPU")
def test_an_engine_file_where_tensorrt_cannot_run_says_so_once(tmp_path, caplog):
    (tmp_path / "fast.engine").write_bytes(b"whatever")
    with pytest.raises(BackendMissing, match=r"fast\.engine is an engine, which needs TensorRT and a GPU"):
        open_engine(shelf.find(tmp_path / "fast.engine"), SMALL)
    assert "trying the next" not in caplog.text


def test_an_unknown_backend_or_precision_is_refused_with_the_choices(lite):
    with pytest.raises(BackendError, match=r"there are: auto, tensorrt, .*openvino, .*onnxruntime, eager"):
        open_engine(lite, SMALL, backend="cuda")
    with pytest.raises(BackendError, match="there are: auto, fp32, bf16, fp16"):
        open_engine(lite, SMALL, precision="fp8")


def test_a_backend_that_is_not_installed_is_an_error_with_the_pip_line(lite, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(BackendMissing, match=r'pip install "streamllie\[torch\]"'):
        open_engine(lite, SMALL, backend="eager")
    with pytest.raises(BackendMissing, match="no backend is installed"):
        open_engine(lite, SMALL)


def test_auto_logs_which_backend_and_precision_it_took(lite, caplog):
    with caplog.at_level("INFO", logger="streamllie"), open_engine(lite, SMALL) as engine:
        assert f"{engine.backend} runs lite in {engine.precision} for 128x96" in caplog.text
