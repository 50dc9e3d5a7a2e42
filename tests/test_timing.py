"""Percentiles and reports."""

import math

from streamllie.timing import Report, percentile


def test_percentiles_are_values_that_were_measured():
    durations = [float(n) for n in range(1, 101)]
    assert percentile(durations, 0.5) == 50
    assert percentile(durations, 0.99) == 99
    assert percentile(durations, 1.0) == 100
    assert percentile([7.0], 0.99) == 7
    assert math.isnan(percentile([], 0.5))


def test_the_last_event_has_exactly_the_promised_keys():
    report = Report(
        frames=10,
        seconds=2.0,
        backend="openvino",
        precision="bf16",
        model="lite",
        output="a.mp4",
        bitrate_ratio=1.5,
    )
    assert report.event() == {
        "event": "done",
        "frames": 10,
        "seconds": 2.0,
        "fps": 5.0,
        "backend": "openvino",
        "model": "lite",
        "output": "a.mp4",
        "bitrate_ratio": 1.5,
    }
