"""The simulator's loop: time jumps, order comes from the seed, and processes can be paused and killed."""

import asyncio

import pytest

from vsm_system.simulation.loop import DeadlockError, VirtualLoop


def story(seed: int, *, pause: str | None = None, kill: str | None = None) -> list[tuple[str, float]]:
    """Let three processes count; return who counted when."""
    loop, told = VirtualLoop(seed), list[tuple[str, float]]()

    async def count(name: str) -> None:
        for _ in range(3):
            await asyncio.sleep(10.0)
            told.append((name, loop.time()))

    async def world() -> None:
        for name in ("a", "b", "c"):
            loop.start(name, count(name))
        await asyncio.sleep(15.0)
        if pause:
            loop.pause(pause)
        if kill:
            loop.kill(kill)
        await asyncio.sleep(1_000.0)
        if pause:
            loop.resume(pause)
        await asyncio.sleep(100.0)

    loop.run_until_complete(world())
    loop.bury()
    return told


def test_time_jumps_to_the_next_timer() -> None:
    assert {when for _, when in story(1)} == {10.0, 20.0, 30.0}


def test_the_seed_decides_the_order() -> None:
    assert story(1) == story(1)
    assert len({tuple(story(seed)) for seed in range(20)}) > 1


def test_a_paused_process_goes_on_where_it_was() -> None:
    assert [when for name, when in story(1, pause="b") if name == "b"] == [10.0, 1_015.0, 1_025.0]


def test_a_killed_process_does_nothing_any_more() -> None:
    assert [when for name, when in story(1, kill="b") if name == "b"] == [10.0]


def test_a_world_that_stands_still_is_an_error() -> None:
    loop = VirtualLoop(1)
    with pytest.raises(DeadlockError):
        loop.run_until_complete(loop.create_future())
    loop.bury()
