"""Live sources: real time, the newest frame, what cannot be opened, and coming back after everything."""

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import pytest
from av.error import FFmpegError

from streamllie.ahead import Stop
from streamllie.errors import SourceError
from streamllie.frame import Frame
from streamllie.live.lasting import Lasting
from streamllie.live.session import Live
from streamllie.live.stage import Controls
from streamllie.video.capture import shots
from streamllie.video.inputs import Input, resolve
from tests.handles import count_handles
from tests.live.peers import free_port, sent
from tests.media import Sound, make_video, picture, planar_frame
from tests.transmit import Transmitter
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("no_thread_stays", "opens_fast")


def test_a_file_is_played_in_real_time(tmp_path):
    path = make_video(tmp_path / "night.mp4", frames=20)
    began = time.perf_counter()
    captured = [shot.captured for shot in shots(resolve(str(path)), stop=Stop())]
    passed = time.perf_counter() - began
    assert len(captured) == 20
    assert 19 / 25 <= passed < 10  # never early; late on a machine that does much else
    steps = [b - a for a, b in pairwise(captured)]
    assert steps == pytest.approx([1 / 25] * 19, abs=1e-6), "frames are due when the file says"


def test_a_file_of_uneven_times_is_played_unevenly(tmp_path):
    pts = [0, 40, 50, 200, 210, 400]
    path = make_video(tmp_path / "vfr.mp4", frames=6, time_base=Fraction(1, 1000), pts=pts)
    captured = [shot.captured for shot in shots(resolve(str(path)), stop=Stop())]
    assert [round(1000 * (at - captured[0])) for at in captured] == pts


def test_a_test_picture_is_a_source():
    stop = Stop()
    taken = []
    for shot in shots(resolve("lavfi:testsrc2=size=64x48:rate=100"), stop=stop):
        taken.append(shot)
        if len(taken) == 10:
            break
    assert taken[0].frame.y.shape == (48, 64)
    assert taken[-1].captured - taken[0].captured == pytest.approx(0.09, abs=0.001)


def test_a_stop_ends_a_source_that_waits_for_its_next_frame():
    stop = Stop()
    threading.Timer(0.3, stop.set).start()
    began = time.perf_counter()
    assert len(list(shots(resolve("lavfi:testsrc2=size=64x48:rate=1/10"), stop=stop))) <= 1
    assert time.perf_counter() - began < 9, "it waited for the next frame, which comes after 10 s"


@pytest.mark.parametrize("source", ["0", "/dev/video77", "no such camera", "not-there.mp4"])
def test_what_is_not_there_is_told_in_one_sentence(source):
    with pytest.raises(SourceError, match="neither a camera, a file nor a URL; cameras here: ") as error:
        resolve(source)
    assert source in str(error.value)


def test_a_scheme_that_is_no_stream_is_refused():
    with pytest.raises(SourceError, match="no stream here") as error:
        resolve("ftp://admin:hunter2@host/x")
    assert "hunter2" not in str(error.value)


def test_a_stream_that_nobody_sends_is_an_error_without_its_password():
    with pytest.raises(SourceError, match="cannot be opened") as error:
        list(shots(resolve(f"rtsp://admin:hunter2@127.0.0.1:{free_port()}/x"), stop=Stop()))
    assert "hunter2" not in str(error.value)
    assert error.value.__suppress_context__, "libav's own error shows the password in a traceback"


def test_who_stops_while_a_silent_stream_is_opened_does_not_wait_for_it():
    stop = Stop()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        threading.Timer(0.3, stop.set).start()
        with pytest.raises(SourceError, match="given up"):
            list(shots(resolve(f"tcp://127.0.0.1:{silent.getsockname()[1]}"), stop=stop))
        (looking,) = (thread for thread in threading.enumerate() if thread.name == "streamllie-open")
    looking.join()


def test_a_file_that_is_no_video_is_told(tmp_path):
    path = tmp_path / "notes.mp4"
    path.write_text("nothing to see here")
    with pytest.raises(SourceError, match="cannot be opened"):
        list(shots(resolve(str(path)), stop=Stop()))


def test_a_picture_that_changes_its_size_gets_another_format(tmp_path):
    small = [planar_frame(n) for n in range(5)]
    large = [planar_frame(n, height=96, width=128) for n in range(5)]
    a = make_video(tmp_path / "a.ts", pictures=small, frames=5)
    b = make_video(tmp_path / "b.ts", pictures=large, height=96, width=128, frames=5, pts=range(5, 10))
    both = tmp_path / "both.ts"
    both.write_bytes(a.read_bytes() + b.read_bytes())
    sizes = [(shot.format.height, shot.frame.y.shape[0]) for shot in shots(resolve(str(both)), stop=Stop())]
    assert set(sizes) == {(48, 48), (96, 96)}


def test_the_newest_frame_wins_and_what_gave_way_is_counted():
    with Live(resolve("lavfi:testsrc2=size=64x48:rate=200"), controls=Controls(enabled=False)) as live:
        taken = []
        for picture in live:
            if picture is None:
                continue
            taken.append(picture.before.pts)
            live.shown(picture)
            if len(taken) == 12:
                break
            gone = live._enhanced.dropped + 9
            until(lambda gone=gone: live._enhanced.dropped >= gone)  # a view ten times slower than the source
        frames, dropped = live.tally.frames, live.dropped
    assert frames == 12
    assert dropped >= 11 * 9
    assert min(b - a for a, b in pairwise(taken)) >= 10, "what is shown is newer than all that gave way"


def test_an_error_of_the_model_ends_the_run_with_its_sentence(tmp_path):
    path = make_video(tmp_path / "night.mp4")
    live = Live(resolve(str(path)), backend="onnxruntime", precision="fp32")
    live.controls.strength = 7.0  # as no view would

    with pytest.raises(ValueError, match="strength is"), live:
        for picture in live:
            del picture


def test_a_file_is_played_again_and_again_unless_told_otherwise(tmp_path):
    path = make_video(tmp_path / "night.mp4", frames=5)
    once = Lasting(resolve(str(path)), stop=Stop(), repeat=False)
    assert len(list(once)) == 5
    stop = Stop()
    again = Lasting(resolve(str(path)), stop=stop)
    for _ in again:
        if again.frames == 12:
            stop.set()
    assert again.frames == 12


def test_a_file_of_one_frame_is_played_at_its_rate_and_not_as_fast_as_it_can_be_opened(tmp_path):
    path = make_video(tmp_path / "night.mp4", frames=1)
    stop = Stop()
    again = Lasting(resolve(str(path)), stop=stop)
    captured = []
    for shot in again:
        captured.append(shot.captured)
        if again.frames == 5:
            stop.set()
    assert min(b - a for a, b in pairwise(captured)) >= 1 / 25


class Peer:
    """Sends a transport stream to one reader after the other, to each as the next script says."""

    def __init__(self, *scripts: Callable[[Callable[[int, int], None], socket.socket], None]) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"tcp://127.0.0.1:{self._server.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, args=(scripts,))

    def __enter__(self) -> "Peer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.close()
        self._thread.join()

    def _serve(self, scripts) -> None:
        for script in scripts:
            try:
                reader, _ = self._server.accept()
            except OSError:
                return
            with reader, suppress(OSError, FFmpegError), Transmitter(reader.makefile("wb", buffering=0)) as transmitter:
                began = time.monotonic()

                def send(height: int, until, began=began, transmitter=transmitter) -> None:
                    n = 0
                    while not until():
                        y, u, v = picture(n, height=height, width=2 * height)
                        frame = Frame(y=y, u=u, v=v, pts=n, time_base=Fraction(1, 30))
                        transmitter.send(frame, at=time.monotonic() - began)
                        time.sleep(1 / 30)
                        n += 1

                script(send, reader)
                reader.shutdown(socket.SHUT_RDWR)


def test_a_source_that_falls_silent_dies_and_changes_size_comes_back_and_leaks_nothing():
    """In seconds what tests/soak.py does for minutes."""
    seen: set[tuple[int, int]] = set()  # (times that it came back, height)

    def changes_size_and_falls_silent(send, reader):
        send(48, until=lambda: (0, 48) in seen)
        send(96, until=lambda: (0, 96) in seen)
        reader.recv(1)  # until the other side has had enough

    def dies(send, reader):
        send(48, until=lambda: (1, 48) in seen)

    def lives(send, reader):
        send(48, until=lambda: (2, 48) in seen)

    handles = count_handles()
    with Peer(changes_size_and_falls_silent, dies, lives) as peer:
        source = replace(resolve(peer.url), patience=1.0)
        notices = set()
        with Live(source, controls=Controls(enabled=False), duration=20) as live:
            for shown in live:
                if shown is not None:
                    live.shown(shown)
                    seen.add((live.source.returns, shown.format.height))
                if live.source.notice:
                    notices.add(live.source.notice.split(" ", 1)[1])
                if (2, 48) in seen:
                    break
    assert {(0, 48), (0, 96), (1, 48), (2, 48)} <= seen
    assert notices == {"gave no picture for 1 s; trying again", "has ended; trying again"}
    assert count_handles() == handles


def test_a_name_that_no_file_can_have_is_told():
    with pytest.raises(SourceError, match="neither a camera"):
        resolve(300 * "x")


@pytest.mark.parametrize("listens", [False, True])
def test_a_picture_that_stops_while_the_sound_goes_on_is_a_frozen_one_and_a_stop_is_heard_meanwhile(tmp_path, listens):
    path = make_video(tmp_path / "night.ts", frames=50, options={"g": "5"}, sound=[Sound(seconds=8)])

    class Ear:
        def __init__(self) -> None:
            self.packets = 0

        def opened(self, container) -> None:
            pass

        def heard(self, packet) -> None:
            self.packets += 1

    stop, ear = Stop(), Ear()
    with sent(path, seconds=8, times=2) as url:  # the picture is in the first of it
        source = replace(resolve(url), patience=1.0)
        taken = []
        with pytest.raises(SourceError, match="gave no picture for 1 s"):
            taken.extend(shots(source, stop=stop, listener=ear if listens else None))
        assert len(taken) > 10
        assert (ear.packets > 20) == listens
        threading.Timer(0.7, stop.set).start()
        began = time.perf_counter()
        with suppress(SourceError):
            for _ in shots(replace(source, patience=30.0), stop=stop, listener=ear if listens else None):
                pass
        assert time.perf_counter() - began < 3


def test_a_source_that_cannot_be_reached_at_first_is_an_error_and_not_a_wait():
    with pytest.raises(SourceError, match="Connection refused"):
        list(Lasting(resolve(f"tcp://127.0.0.1:{free_port()}"), stop=Stop()))


def test_a_source_that_is_known_to_have_been_there_is_waited_for(tmp_path):
    camera = Input(name="camera", url=f"file:{tmp_path / 'night.mkv'}")  # as one: it is opened again when it ends
    with pytest.raises(SourceError, match="cannot be opened"):
        next(iter(Lasting(camera, stop=Stop())))
    threading.Timer(0.5, make_video, [tmp_path / "night.mkv"], {"frames": 40}).start()
    assert next(iter(Lasting(camera, stop=Stop(), known=True))).frame.y.shape == (48, 64)
