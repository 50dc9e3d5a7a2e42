"""A stream that is sent on: the times of its pictures and sound, and what comes first."""

import socket
from fractions import Fraction

from streamllie.errors import SinkError
from streamllie.live.relay import StreamClock, relay
from streamllie.video.outlet import Outlet
from tests.live.peers import free_port, make_beats


def test_a_clock_that_leaps_goes_on_where_the_output_is():
    clock = StreamClock(jumps=True)
    clock.begin()
    first = clock.shift(100)
    assert clock.shift(100) == first
    leapt = clock.shift(5000)
    assert abs(5000 + leapt - clock.now()) < 0.1
    assert clock.shift(101) == first, "sound from before the leap still knows its place"
    assert clock.shift(5001) == leapt


def test_a_picture_that_waited_for_its_engine_has_the_time_at_which_it_was_captured():
    clock = StreamClock(jumps=True)
    clock.begin()
    waited = clock.shift(100, age=5.0)
    assert abs(100 + waited + 5 - clock.now()) < 0.1
    assert clock.shift(105) == waited, "what comes after it goes on from there, and is no leap"


def test_no_two_pictures_share_a_time_in_a_stream_that_counts_thousandths():
    clock = StreamClock(jumps=True)
    clock.begin()
    shown = [at for at in map(Fraction, ("0", "0.04", "0.0404", "0.03", "0.08")) if clock.goes_on(at)]
    assert shown == [0, Fraction("0.04"), Fraction("0.08")]
    clock.begin()
    assert clock.goes_on(Fraction(0)), "an output that was opened again begins anew"


def test_a_stream_that_is_opened_again_begins_with_a_picture_though_sound_waits(tmp_path, monkeypatch):
    beats = make_beats(tmp_path / "beats.mkv", seconds=5)
    given = []

    class Lost(Outlet):
        def __enter__(self):
            given.append([])
            return super().__enter__()

        def write(self, frame, *, at):
            given[-1].append("picture")
            if len(given) == 1 and len(given[0]) > 20:
                raise SinkError("gone")
            super().write(frame, at=at)

        def hear(self, packet, *, shift):
            given[-1].append("sound")
            super().hear(packet, shift=shift)

        def proved(self, seconds):
            return True

    monkeypatch.setattr("streamllie.live.relay.Outlet", Lost)
    relay(str(beats), f"udp://127.0.0.1:{free_port(socket.SOCK_DGRAM)}", backend="onnxruntime", smoothing=0.0)
    assert len(given) == 2
    assert [order[0] for order in given] == ["picture", "picture"]
    assert all("sound" in order for order in given)
