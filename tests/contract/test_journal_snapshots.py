"""The journal's contract on snapshots: a cache of folded states, over every adapter."""

import pytest

from tests.contract.journals import TTL_SECONDS, Journal, Shelf, commit, owner, recorded
from vsm_core.actor import Snapshot

FACTS = tuple(recorded(name) for name in "abcd")


@pytest.fixture
async def written(journal: Journal) -> Journal:
    await journal.claim("root", owner(), TTL_SECONDS)
    await journal.commit(commit("root", 1, 0, facts=FACTS))
    return journal


def snapshot(version: int, *, state_schema: str = "1", stream: str = "root") -> Snapshot:
    body = f"{stream} {version} \x00".encode()
    return Snapshot(stream=stream, version=version, state_schema=state_schema, body=body)


async def test_the_past_is_a_snapshot_and_the_facts_after_it(written: Journal) -> None:
    await written.keep_snapshot(snapshot(3))
    loaded = await written.load("root", "1")
    assert (loaded.snapshot, loaded.facts, loaded.version) == (snapshot(3), FACTS[3:], 4)
    await written.keep_snapshot(snapshot(4))
    loaded = await written.load("root", "1")
    assert (loaded.snapshot, loaded.facts, loaded.version) == (snapshot(4), (), 4)


@pytest.mark.parametrize("state_schema", [None, "2"])
async def test_another_schema_folds_again(written: Journal, state_schema: str | None) -> None:
    await written.keep_snapshot(snapshot(3))
    loaded = await written.load("root", state_schema)
    assert (loaded.snapshot, loaded.facts, loaded.version) == (None, FACTS, 4)


async def test_schemas_and_streams_are_apart(written: Journal) -> None:
    await written.claim("leaf", owner(), TTL_SECONDS)
    for each in (snapshot(2), snapshot(3, state_schema="2")):
        await written.keep_snapshot(each)
    assert (await written.load("root", "1")).snapshot == snapshot(2)
    assert (await written.load("root", "2")).snapshot == snapshot(3, state_schema="2")
    assert (await written.load("leaf", "1")).snapshot is None


@pytest.mark.parametrize("wrong", [snapshot(5), snapshot(0), snapshot(1, stream="leaf"), snapshot(1)])
async def test_a_snapshot_ahead_of_its_stream_or_older_than_the_kept_one_is_left_out(
    written: Journal, wrong: Snapshot
) -> None:
    await written.keep_snapshot(snapshot(2))
    await written.keep_snapshot(wrong)
    assert (await written.load("root", "1")).snapshot == snapshot(2)
    assert (await written.load(wrong.stream, "1")).version == (4 if wrong.stream == "root" else 0)


async def test_a_snapshot_survives_a_restart(shelf: Shelf, written: Journal) -> None:
    await written.keep_snapshot(snapshot(3))
    await written.close()
    assert (await (await shelf.open()).load("root", "1")).snapshot == snapshot(3)
