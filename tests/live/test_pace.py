"""Pace: less work when frames come late, more again when there is room, and no see-saw."""

from streamllie.live.pace import CALM, MODES, SETTLING, Pace

STEP = 1 / 30


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def run(pace: Pace, clock: Clock, seconds: float, *, latency: float, work: float = 0.02, dropped: int = 0) -> None:
    for _ in range(round(seconds / STEP)):
        clock.now += STEP
        pace.saw(latency, work=work, interval=STEP, dropped=dropped)


def make(budget: float = 0.06) -> tuple[Pace, Clock]:
    clock = Clock()
    return Pace(budget=budget, clock=clock), clock


def test_frames_in_time_are_enhanced_in_full():
    pace, clock = make()
    run(pace, clock, 60, latency=0.03)
    assert pace.mode == "full"


def test_late_frames_get_less_work_step_by_step():
    pace, clock = make()
    seen = [pace.mode]
    for _ in range(120):
        run(pace, clock, STEP, latency=0.1, work=0.05)
        if pace.mode != seen[-1]:
            seen.append(pace.mode)
    assert seen == list(MODES)


def test_a_hiccup_changes_nothing():
    pace, clock = make()
    for _ in range(20):
        run(pace, clock, 1, latency=0.03)
        run(pace, clock, 3 * STEP, latency=0.2)
    assert pace.mode == "full"


def test_frames_that_are_late_though_the_work_is_little_are_not_the_models_fault():
    pace, clock = make()
    run(pace, clock, 10, latency=0.2, work=0.004)
    assert pace.mode == "full"


def test_an_engine_slower_than_the_source_is_too_slow_though_each_frame_is_in_time():
    pace, clock = make(budget=0.2)
    run(pace, clock, 3, latency=0.07, work=0.05, dropped=1)
    assert pace.mode != "full"


def test_a_burst_of_a_network_is_no_reason_to_do_less():
    """Two frames come at once, one gives way: that is not cured by a smaller network."""
    pace, clock = make()
    run(pace, clock, 10, latency=0.02, work=0.01, dropped=1)
    assert pace.mode == "full"


def test_full_work_comes_back_after_a_calm_time():
    pace, clock = make()
    run(pace, clock, 1.2, latency=0.1, work=0.05)
    assert pace.mode == "half"
    run(pace, clock, CALM + 1, latency=0.02, work=0.01)
    assert pace.mode == "full"


def test_a_trial_that_fails_is_tried_again_ever_more_rarely():
    """A machine that is too slow for the whole network must not stutter every two seconds."""
    pace, clock = make()
    trials = 0
    before = pace.mode
    for _ in range(round(300 / STEP)):
        slow = pace.mode == "full"
        run(pace, clock, STEP, latency=0.1 if slow else 0.02, work=0.05 if slow else 0.01)
        trials += before != "full" and pace.mode == "full"
        before = pace.mode
    assert 3 <= trials <= 12


def test_a_trial_whose_work_is_too_much_ends_before_its_frames_are_late():
    """A mode that takes longer than the time between frames must not be tried until five frames are late."""
    pace, clock = make()
    run(pace, clock, 1.2, latency=0.1, work=0.05)
    assert pace.mode == "half"
    full = 0
    for _ in range(round(30 / STEP)):
        slow = pace.mode == "full"
        full += slow
        run(pace, clock, STEP, latency=0.045 if slow else 0.02, work=0.034 if slow else 0.01)
    assert 0 < full <= 20, "a few frames for each of at most five trials"


def test_work_that_every_second_frame_has_time_for_comes_back():
    pace, clock = make()
    run(pace, clock, 5, latency=0.2, work=0.09)  # the machine is busy with something else
    assert pace.mode == "pass"
    skipped = 0
    for _ in range(round(120 / STEP)):
        clock.now += STEP
        skipped += pace.mode == "skip"
        if pace.mode != "skip" or skipped % 2:
            work = 0.0 if pace.mode == "pass" else 0.045
            pace.saw(0.01 + work, work=work, interval=STEP, dropped=int(pace.mode in ("full", "half")))
    assert pace.mode == "skip"
    assert skipped * STEP > 100


def test_one_slow_frame_does_not_end_a_trial():
    pace, clock = make()
    run(pace, clock, 1.2, latency=0.1, work=0.05)
    run(pace, clock, CALM + SETTLING + STEP, latency=0.02, work=0.01)
    assert pace.mode == "full"
    run(pace, clock, 2 * STEP, latency=0.05, work=0.04)  # caches are cold
    run(pace, clock, 5, latency=0.03, work=0.02)
    assert pace.mode == "full"
