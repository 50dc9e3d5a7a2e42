"""The player beside an event loop: it runs while somebody watches, whoever comes and goes meanwhile."""

import asyncio

import pytest

from streamllie.live.player import Player
from streamllie.live.stage import Controls
from streamllie.video.inputs import resolve
from tests.media import make_video


@pytest.fixture
def night(tmp_path) -> str:
    return str(make_video(tmp_path / "night.mp4", frames=30, rate=30, height=48, width=64))


def player(night: str) -> Player:
    return Player(lambda stop: resolve(night), controls=Controls(enabled=False), backend="openvino", budget=1.0)


def test_who_comes_while_the_last_run_lets_go_gets_pictures_and_after_the_last_nothing_runs(night):
    async def come_and_go() -> tuple[bool, object]:
        playing = player(night)
        await playing.join()
        await playing.newer(-1)
        await asyncio.gather(playing.leave(), playing.join())  # the second while the first still lets go
        seen = await asyncio.wait_for(playing.newer(-1), 20)
        await asyncio.gather(playing.leave(), playing.join(), playing.leave())
        return seen is not None, playing._running

    assert asyncio.run(come_and_go()) == (True, None)


def test_a_run_that_fails_in_any_way_is_told_to_those_who_wait(night):
    async def wait() -> tuple[object, str | None]:
        playing = Player(lambda stop: 1 / 0, controls=Controls())  # type: ignore[arg-type, return-value]
        await playing.join()
        got = await asyncio.wait_for(playing.newer(-1), 20)
        failed = playing.failed
        await playing.leave()
        return got, failed

    got, failed = asyncio.run(wait())
    assert got is None
    assert failed is not None
    assert "ZeroDivisionError" in failed
