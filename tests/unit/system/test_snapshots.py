"""A host's snapshots: a long stream stands up without folding all of its past, and nothing depends on them."""

import pytest

from tests.unit.system.letters import NODE, control
from tests.unit.system.stage import Stage
from vsm_core.actor import Snapshot
from vsm_system import snapshots

EVERY = 3


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "SNAPSHOT_FACTS", EVERY)


async def lived(stage: Stage, *names: str) -> None:
    async with stage.hosting() as host:
        for name in names:
            await stage.deliver(control(name))
            await stage.until_recorded(name)
        await host.settled()


async def test_only_what_came_after_it_is_folded_again(stage: Stage) -> None:
    stage.actor.state_schema = "tally-1"
    await lived(stage, "a", "b", "c", "d")
    stage.actor.folded.clear()
    async with stage.hosting() as host:
        await host.settled()
        assert host.state == ("a", "b", "c", "d")
    assert stage.actor.folded == ["d"]


async def test_one_of_another_form_is_left_for_the_facts(stage: Stage) -> None:
    stage.actor.state_schema = "tally-1"
    await lived(stage, "a", "b", "c", "d")
    stage.actor.state_schema = "tally-2"
    stage.actor.folded.clear()
    async with stage.hosting() as host:
        await host.settled()
        assert host.state == ("a", "b", "c", "d")
    assert stage.actor.folded == ["a", "b", "c", "d"]


async def test_one_that_can_not_be_read_is_left_for_the_facts(stage: Stage) -> None:
    stage.actor.state_schema = "tally-1"
    await lived(stage, "a", "b")
    await stage.journal.inner.keep_snapshot(
        Snapshot(stream=NODE, version=2, state_schema="tally-1", body=b"not json")
    )
    async with stage.hosting() as host:
        await host.settled()
        assert host.state == ("a", "b")


async def test_one_that_can_not_be_written_is_not_missed(stage: Stage) -> None:
    stage.actor.state_schema = "tally-1"

    async def full(_snapshot: Snapshot) -> None:
        raise OSError("no space left on device")

    stage.journal.keep_snapshot = full  # type: ignore[attr-defined]
    await lived(stage, "a", "b", "c", "d", "e")
    assert await stage.facts() == ["a", "b", "c", "d", "e"]


async def test_an_actor_without_a_form_keeps_none(stage: Stage) -> None:
    kept: list[Snapshot] = []

    async def keep(snapshot: Snapshot) -> None:
        kept.append(snapshot)

    stage.journal.keep_snapshot = keep  # type: ignore[attr-defined]
    await lived(stage, "a", "b", "c", "d")
    assert kept == []
