"""What surrounds TensorRT at run time: padding, slots, order and states, on a stand-in for the GPU (host_gpu.py)."""

from dataclasses import replace

import numpy as np
import pytest

from streamllie import shelf
from streamllie.backends import open_engine
from streamllie.backends.base import GraphEngine
from streamllie.backends.tensorrt_build import Sizes
from streamllie.backends.tensorrt_run import IN_FLIGHT, Execution
from streamllie.errors import BackendError, OutOfMemory
from streamllie.frame import VideoFormat
from tests.backends.host_gpu import HostContexts, HostEngine, HostMemory
from tests.backends.test_contract import SMALL, dark_frame, largest_difference

LITE = shelf.find("lite")


class Log:
    def reason(self) -> str:
        return "no room"


def opened(format: VideoFormat, *, memory=None, contexts=None, **options) -> GraphEngine:
    memory, contexts = memory or HostMemory(), contexts or HostContexts()
    path = LITE.deep_path if format.depth > 8 else LITE.path
    execution = Execution(HostEngine(path, memory, **options), format, memory, kernels=contexts, log=Log())

    def close() -> None:
        execution.close()
        memory.close()

    return GraphEngine(
        execution, format, backend="tensorrt", precision="fp32", states={}, multiple=1, in_flight=IN_FLIGHT, close=close
    )


@pytest.mark.parametrize("depth", [8, 10])
@pytest.mark.parametrize(("height", "width"), [(96, 128), (95, 127), (49, 66), (2, 2), (181, 317)])
def test_frames_of_any_size_and_depth_come_out_as_from_the_reference(depth, height, width):
    format = VideoFormat(height=height, width=width, depth=depth)
    first, second = dark_frame(format), dark_frame(format, seed=1)
    with opened(format) as engine, open_engine(LITE, format, backend="eager") as reference:
        assert largest_difference(engine(first), reference(first)) <= 1
        assert largest_difference(engine(second, keep=0.7), reference(second, keep=0.7)) <= 1
        assert largest_difference(engine(second, strength=0.0), second) == 0


def test_a_half_precision_graph_stays_close():
    with opened(SMALL, precision="fp16") as engine, open_engine(LITE, SMALL, backend="eager") as reference:
        for seed in range(5):
            frame = dark_frame(SMALL, seed=seed)
            out, expected = engine(frame, keep=0.9), reference(frame, keep=0.9)
            assert np.abs(out.y.astype(float) - expected.y).mean() <= 0.6


def test_two_frames_in_flight_come_out_as_one_by_one():
    frames = [dark_frame(SMALL, seed=seed) for seed in range(6)]
    with opened(SMALL) as engine:
        alone = [engine(frame, keep=0.8) for frame in frames]
    with opened(SMALL) as engine:
        waiting, out = [], []
        for frame in frames:
            waiting.append(engine.start(frame, keep=0.8))
            if len(waiting) == IN_FLIGHT:
                out.append(waiting.pop(0)())
        out.append(waiting.pop()())
    assert max(largest_difference(p, q) for p, q in zip(out, alone, strict=True)) == 0


def test_a_third_frame_in_flight_is_refused_and_costs_nothing():
    frames = [dark_frame(SMALL, seed=seed) for seed in range(3)]
    with opened(SMALL) as engine:
        first, second = engine.start(frames[0]), engine.start(frames[1])
        with pytest.raises(BackendError, match="2 frames are in flight; take the first"):
            engine.start(frames[2])
        out = first(), second(), engine(frames[2])
    with opened(SMALL) as engine:
        assert [largest_difference(engine(f), o) for f, o in zip(frames, out, strict=True)] == [0, 0, 0]


def test_the_memory_stays_on_the_device_and_reset_forgets_it():
    first, second = dark_frame(SMALL), replace(dark_frame(SMALL, seed=1), y=dark_frame(SMALL).y // 2 + 8)
    with opened(SMALL) as engine:
        alone = engine(second)
        assert engine.memory == {}
        engine.reset()
        engine(first)
        assert largest_difference(engine(second, keep=0.9), alone) > 0
        engine(first)
        engine.reset()
        assert largest_difference(engine(second, keep=0.9), alone) == 0


def test_it_goes_on_from_the_memory_of_another_engine():
    first, second = dark_frame(SMALL), replace(dark_frame(SMALL, seed=1), y=dark_frame(SMALL).y // 2 + 8)
    with opened(SMALL) as engine, open_engine(LITE, SMALL, backend="eager") as other:
        other(first)
        engine.remember(other.memory)
        assert largest_difference(engine(second, keep=0.9), other(second, keep=0.9)) <= 1
        with pytest.raises(BackendError, match="this engine's is"):
            engine.remember({"state": np.zeros((1, 3), np.float32)})
            engine(second)


@pytest.mark.parametrize("records", [True, False], ids=["recorded", "pycuda"])
def test_the_first_frame_is_run_and_later_ones_are_launched_as_a_graph(records):
    memory = HostMemory(records=records)
    frames = [dark_frame(SMALL, seed=seed) for seed in range(4)]
    with opened(SMALL, memory=memory) as engine, open_engine(LITE, SMALL, backend="eager") as reference:
        for frame in frames:
            assert largest_difference(engine(frame, keep=0.5), reference(frame, keep=0.5)) <= 1
    assert memory.launches == (3 if records else 0)


def test_what_tensorrt_for_rtx_records_is_not_recorded_twice():
    memory = HostMemory()
    with opened(SMALL, memory=memory, contexts=HostContexts(records=True)) as engine:
        engine(dark_frame(SMALL))
        engine(dark_frame(SMALL))
    assert memory.launches == 0


def test_closing_keeps_what_was_compiled_and_frees_the_memory():
    memory, contexts = HostMemory(), HostContexts()
    with opened(SMALL, memory=memory, contexts=contexts) as engine:
        engine(dark_frame(SMALL))
        assert not memory.closed
    assert memory.closed
    assert contexts.kept == 1


def test_a_size_that_the_engine_was_not_built_for_says_how_to_build_one():
    with pytest.raises(
        BackendError, match=r"not for frames of 128x96; build one with `streamllie engine build --size`"
    ):
        opened(SMALL, sizes=Sizes.fixed(720, 1280))


def test_no_room_for_a_context_is_told_from_other_errors():
    with pytest.raises(OutOfMemory, match="no room for an engine of this size: no room"):
        opened(SMALL, contexts=HostContexts(room=False))
