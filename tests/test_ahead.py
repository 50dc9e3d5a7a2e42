"""Ahead: order, bounds, errors, drops, and above all that no thread stays."""

import threading
import time

import pytest

from streamllie.ahead import DEPTH, Ahead, Stop
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("no_thread_stays")


def test_items_come_in_order_and_all_of_them():
    with Ahead(range(1000)) as items:
        assert list(items) == list(range(1000))


def test_the_producer_works_ahead_but_never_more_than_its_depth():
    made = []

    def source():
        for n in range(100):
            made.append(n)
            yield n

    with Ahead(source()) as items:
        assert next(items) == 0
        until(lambda: len(made) == DEPTH + 2)  # 1 taken, 1 in hand
        time.sleep(0.02)
        assert len(made) == DEPTH + 2


def test_an_error_in_the_producer_reaches_the_consumer_after_the_items_before_it():
    def source():
        yield 1
        yield 2
        raise OSError("the cable was pulled")

    got = []
    with pytest.raises(OSError, match="cable"), Ahead(source()) as items:
        got.extend(iter(lambda: next(items), None))
    assert got == [1, 2]


def test_an_error_is_raised_once_and_then_the_items_are_at_their_end():
    def source():
        raise OSError("nothing")
        yield

    with Ahead(source()) as items:
        with pytest.raises(OSError, match="nothing"):
            next(items)
        assert list(items) == []


def test_no_thread_stays_when_the_consumer_leaves_early():
    closed = threading.Event()

    def endless():
        try:
            while True:
                yield 0
        finally:
            closed.set()

    with Ahead(endless()) as items:
        next(items)
    assert closed.is_set(), "the generator was not closed"


def test_the_generator_is_closed_in_the_thread_that_ran_it():
    threads = []

    def source():
        try:
            while True:
                yield 0
        finally:
            threads.append(threading.current_thread().name)

    with Ahead(source()) as items:
        next(items)
    assert threads == ["streamllie-ahead"]


def test_no_thread_stays_when_the_middle_stage_raises():
    """A bare generator leaked its thread here: the first stage waited for ever for room in its queue."""

    def middle(items):
        for item in items:
            if item == 5:
                raise ValueError("five")
            yield item

    stop = Stop()
    got = []
    with (
        pytest.raises(ValueError, match="five"),
        Ahead(iter(int, 1), stop=stop) as zeros,
        Ahead(middle(n + i for i, n in enumerate(zeros)), stop=stop) as numbers,
    ):
        got.extend(iter(lambda: next(numbers), None))
    assert got == [0, 1, 2, 3, 4]


def test_no_thread_stays_when_the_consumer_raises_in_a_chain_of_stages():
    stop = Stop()
    with (
        pytest.raises(KeyboardInterrupt),
        Ahead(iter(int, 1), stop=stop) as first,
        Ahead(first, stop=stop) as second,
        Ahead(second, stop=stop) as third,
    ):
        next(third)
        raise KeyboardInterrupt


def test_newest_wins_without_ever_waiting():
    """A drop mode that waited for room before it dropped never dropped anything."""
    go = threading.Event()

    def camera():
        yield 0
        go.wait(5)
        yield from range(1, 1000)  # nobody takes these: a producer that waits would hang at the second

    with Ahead(camera(), newest=True) as frames:
        assert next(frames) == 0
        go.set()
        until(lambda: frames.dropped == 998)
        assert list(frames) == [999]


def test_newest_still_delivers_the_error_of_a_dead_camera():
    def camera():
        yield 1
        raise OSError("unplugged")

    with Ahead(camera(), newest=True) as frames, pytest.raises(OSError, match="unplugged"):
        list(frames)


def test_a_stalled_camera_holds_the_exit_once_and_not_once_per_stage():
    """With a stop flag for each stage, every stage waited for the stalled one in turn."""
    stop, reads = Stop(), []

    def camera():
        reads.append("the first is quick")
        yield 0
        while True:
            reads.append("blocks until the run ends")
            stop.wait(5)
            yield 0

    with (
        Ahead(camera(), stop=stop) as first,
        Ahead(first, stop=stop) as second,
        Ahead(second, stop=stop) as third,
    ):
        next(third)
        until(lambda: len(reads) == 2)
    assert len(reads) == 2, "it was read again after the run had ended"


def test_a_source_that_waits_on_the_stop_does_not_hold_the_exit():
    stop = Stop()

    def patient():
        yield 0
        while not stop.wait(60):
            pass

    began = time.monotonic()
    with Ahead(patient(), stop=stop) as items:
        next(items)
    assert time.monotonic() - began < 5


def test_a_stop_from_outside_ends_the_items():
    stop = Stop()
    with Ahead(iter(int, 1), stop=stop) as items:
        next(items)
        threading.Timer(0.02, stop.set).start()
        for _ in items:
            pass
