"""The player beside an event loop: it runs while somebody watches, whoever comes and goes meanwhile."""

import asyncio
from typing import Any

import pytest

from streamllie.ahead import Stop
from streamllie.errors import SourceError
from streamllie.live.lasting import Lasting
from streamllie.live.player import Player
from streamllie.live.stage import Controls
from streamllie.video.inputs import Input, resolve
from tests.media import make_video
from tests.waiting import happens

QUICK: dict[str, Any] = {"controls": Controls(enabled=False), "backend": "onnxruntime", "budget": 1.0}


@pytest.fixture
def night(tmp_path) -> str:
    return str(make_video(tmp_path / "night.mp4", frames=30, rate=30, height=48, width=64))


def test_who_comes_while_the_last_run_lets_go_gets_pictures_and_after_the_last_nothing_runs(night):
    async def come_and_go() -> object:
        playing = Player(lambda stop: resolve(night), **QUICK)
        await playing.join()
        await playing.newer(-1)
        await asyncio.gather(playing.leave(), playing.join())  # the second while the first still lets go
        await asyncio.wait_for(playing.newer(-1), 20)
        await asyncio.gather(playing.leave(), playing.join(), playing.leave())
        return playing._running

    assert asyncio.run(come_and_go()) is None


def test_a_run_that_fails_in_any_way_is_told():
    async def wait() -> str:
        playing = Player(lambda stop: 1 / 0, controls=Controls())  # type: ignore[arg-type, return-value]
        await playing.join()
        await happens(lambda: playing.failed, "the failure")
        failed = playing.failed
        await playing.leave()
        return str(failed)

    assert "ZeroDivisionError" in asyncio.run(wait())


def test_a_source_that_failed_is_opened_again_for_the_next_who_comes_and_who_waited_sees_it_too(night):
    there = False

    def source(stop: Stop) -> Input:
        if not there:
            raise SourceError("it is not there")
        return resolve(night)

    async def come_again() -> None:
        nonlocal there
        playing = Player(source, **QUICK)
        await playing.join()
        first = asyncio.create_task(playing.newer(-1))
        await happens(lambda: playing.failed, "the failure")
        there = True
        await playing.join()
        assert playing.failed is None
        await asyncio.wait_for(asyncio.gather(playing.newer(-1), first), 30)
        await playing.leave()
        await playing.leave()

    asyncio.run(come_again())


def test_a_source_that_ended_is_played_again_for_the_next_who_comes_and_not_for_one_who_leaves(night):
    begun = []

    def once(stop: Stop) -> Lasting:
        begun.append(stop)
        return Lasting(resolve(night), stop=stop, repeat=False)

    async def come_again() -> None:
        playing = Player(once, **QUICK)
        await playing.join()
        await playing.join()
        await happens(lambda: playing._running is not None and playing._running.done(), "the end")
        assert playing.failed == "the source has ended", "or they look at a frozen picture without a word"
        seen, _ = await playing.newer(-1)
        await playing.leave()
        assert len(begun) == 1
        await playing.join()
        await asyncio.wait_for(playing.newer(seen), 30)
        await playing.leave()
        await playing.leave()

    asyncio.run(come_again())
    assert len(begun) == 2
