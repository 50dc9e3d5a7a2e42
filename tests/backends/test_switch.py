"""Going from one engine to a faster one in the middle of a stream, between two real backends."""

import logging
import threading

import numpy as np
import pytest

from streamllie import shelf
from streamllie.backends import open_engine
from streamllie.backends.switch import Switching
from streamllie.errors import BackendError
from tests.backends.test_contract import SMALL, dark_frame, largest_difference

LITE = shelf.find("lite")


def engine(backend: str):
    return open_engine(LITE, SMALL, backend=backend, precision="fp32")


def test_frames_flow_at_once_and_the_memory_goes_along_when_the_better_engine_is_ready(caplog):
    ready = threading.Event()

    def later():
        assert ready.wait(20)
        return engine("onnxruntime")

    frames = [dark_frame(SMALL, seed=seed) for seed in range(8)]
    with engine("eager") as reference:
        expected = [reference(frame, keep=0.9) for frame in frames]
    with Switching(engine("openvino"), later) as switching:
        out = [switching(frame, keep=0.9) for frame in frames[:4]]
        assert switching.backend == "openvino"
        ready.set()
        switching._thread.join()
        out += [switching(frame, keep=0.9) for frame in frames[4:]]
        assert switching.backend == "onnxruntime"
    assert max(largest_difference(p, q) for p, q in zip(out, expected, strict=True)) <= 1
    assert "from here on onnxruntime runs in fp32" in caplog.text


def test_a_frame_that_was_started_is_taken_from_the_engine_that_started_it():
    ready = threading.Event()

    def later():
        assert ready.wait(20)
        return engine("onnxruntime")

    frames = [dark_frame(SMALL, seed=seed) for seed in range(3)]
    with engine("openvino") as reference:
        expected = [reference(frame) for frame in frames[:2]]
    with Switching(engine("openvino"), later) as switching:
        first = switching.start(frames[0])
        ready.set()
        switching._thread.join()
        second = switching.start(frames[1])
        assert switching.backend == "openvino"
        for take, frame in zip((first, second), expected, strict=True):
            assert np.array_equal(take().y, frame.y)
        switching(frames[2])
        assert switching.backend == "onnxruntime"


def test_an_engine_that_never_comes_is_said_once_and_the_first_one_goes_on(caplog):
    def later():
        raise BackendError("TensorRT could not build lite: no reason given")

    with caplog.at_level(logging.WARNING), Switching(engine("openvino"), later) as switching:
        switching._thread.join()
        for seed in range(3):
            switching(dark_frame(SMALL, seed=seed))
    assert [r.message for r in caplog.records] == ["TensorRT could not build lite: no reason given; openvino goes on"]


def test_leaving_closes_both_engines_even_if_the_second_came_too_late():
    first, second = engine("openvino"), engine("onnxruntime")
    with Switching(first, lambda: second):
        pass
    for closed in (first, second):
        with pytest.raises(BackendError, match="closed"):
            closed(dark_frame(SMALL))


def test_no_thread_stays():
    before = threading.active_count()
    with Switching(engine("openvino"), lambda: engine("onnxruntime")) as switching:
        switching.reset()
        switching.remember({})
        assert switching.memory == {}
        assert (switching.in_flight, switching.precision) == (1, "fp32")
    assert threading.active_count() == before
