"""The journal's contract, over every adapter: what a host relies on, whatever it writes to.

Each test gets a shelf: one ledger that can be opened as often as asked, as by a restart or by a second process.
"""

import asyncio
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contract.arbitrary import models
from tests.contract.journals import (
    GENOME,
    SHELVES,
    START,
    TTL_SECONDS,
    Journal,
    Shelf,
    commit,
    entry,
    envelope,
    foreign_owner,
    job,
    owner,
    recorded,
    shelf_of,
    timer,
)
from vsm_core.actor import Commit, Fenced, Loaded
from vsm_core.channel import Channel
from vsm_core.envelope import BODY_LIMIT
from vsm_core.errors import EnvelopeError
from vsm_core.facts import FACT_CLASSES, RecordedFact
from vsm_core.payloads.control import Cancel, CancelScope
from vsm_core.value import TEXT_LIMIT

NUMBERS = count()  # so that examples of one test share a ledger


async def claimed(journal: Journal, *nodes: str) -> None:
    for node in nodes:
        assert await journal.claim(node, owner(), TTL_SECONDS) == 1


# ------------------------------------------------------------------------------------------------------ fencing


async def test_a_commit_to_a_node_nobody_claimed_is_fenced(journal: Journal) -> None:
    with pytest.raises(Fenced):
        await journal.commit(commit("root", 0, 0, facts=[recorded("a")]))


async def test_a_host_that_lost_its_node_is_fenced_and_the_new_one_is_not(shelf: Shelf) -> None:
    old, new = await shelf.open(), await shelf.open()
    assert await old.claim("root", foreign_owner(), TTL_SECONDS) == 1
    await old.commit(commit("root", 1, 0, facts=[recorded("a")]))
    shelf.clock.advance(TTL_SECONDS)
    assert await new.claim("root", owner(), TTL_SECONDS) == 2
    assert (await new.load("root")).version == 1
    with pytest.raises(Fenced) as fenced:
        await old.commit(commit("root", 1, 1, facts=[recorded("b")]))
    assert fenced.value.stream == "root"
    await new.commit(commit("root", 2, 1, facts=[recorded("c")]))
    assert [each.id for each in (await new.load("root")).facts] == ["fact_a", "fact_c"]


@pytest.mark.parametrize("expected_version", [0, 2, 7])
async def test_a_commit_at_another_version_is_fenced(journal: Journal, expected_version: int) -> None:
    await claimed(journal, "root")
    await journal.commit(commit("root", 1, 0, facts=[recorded("a")]))
    with pytest.raises(Fenced):
        await journal.commit(commit("root", 1, expected_version, facts=[recorded("b")]))
    assert (await journal.load("root")).version == 1


async def test_nothing_of_a_fenced_commit_is_written(journal: Journal) -> None:
    await claimed(journal, "root")
    refused = commit(
        "root",
        1,
        5,
        entries=[entry(envelope("in"))],
        facts=[recorded("a")],
        sends=[envelope("out", source="root", target="leaf")],
        timers=[timer("t")],
        jobs=[job("j")],
    )
    with pytest.raises(Fenced):
        await journal.commit(refused)
    assert await journal.load("root") == Loaded(version=0)
    assert await journal.to_send("root") == ()
    assert await journal.seen("root", ["env_in"]) == frozenset()


async def test_nothing_of_a_commit_over_the_limit_is_written(journal: Journal) -> None:
    await claimed(journal, "root")
    payload = Cancel(
        scope=CancelScope.TASK, subject="t", reason="\x00" * TEXT_LIMIT
    )  # six bytes each on the wire
    large = envelope("large", source="root", target="leaf", payload=payload)
    with pytest.raises(EnvelopeError, match=str(BODY_LIMIT)):
        await journal.commit(commit("root", 1, 0, facts=[recorded("a")], sends=[large]))
    assert await journal.load("root") == Loaded(version=0)
    await journal.commit(commit("root", 1, 0, facts=[recorded("a")]))


# --------------------------------------------------------------------------------------------------- the past


async def test_a_stream_nobody_wrote_to_is_empty(journal: Journal) -> None:
    assert await journal.load("root") == Loaded(version=0)


async def test_what_was_committed_is_there_after_a_restart(shelf: Shelf) -> None:
    before = await shelf.open()
    await claimed(before, "root")
    await before.commit(
        commit("root", 1, 0, facts=[recorded("a"), recorded("b")], timers=[timer("t")], jobs=[job("j")])
    )
    await before.commit(commit("root", 1, 2, facts=[recorded("c")]))
    await before.close()
    loaded = await (await shelf.open()).load("root")
    assert loaded == Loaded(
        version=3,
        facts=(recorded("a"), recorded("b"), recorded("c")),
        timers=(timer("t"),),
        jobs=(job("j"),),
    )


async def test_streams_are_apart(journal: Journal) -> None:
    await claimed(journal, "root", "leaf")
    await journal.commit(commit("root", 1, 0, facts=[recorded("a")], timers=[timer("t")]))
    await journal.commit(
        commit("leaf", 1, 0, facts=[recorded("b")], timers=[timer("t", node="leaf", seconds=99)])
    )
    assert (await journal.load("root")).timers == (timer("t"),)
    assert (await journal.load("leaf")).facts == (recorded("b"),)


@pytest.fixture
def shelves(tmp_path: Path, postgres: str) -> list[Shelf]:
    return [shelf_of(each, tmp_path, postgres) for each in SHELVES]


@pytest.mark.parametrize("kind", sorted(FACT_CLASSES))
@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_every_kind_of_fact_comes_back_as_it_went(
    kind: str, data: st.DataObject, shelves: list[Shelf]
) -> None:
    facts = data.draw(st.lists(models(FACT_CLASSES[kind]), min_size=1, max_size=3))
    node = f"node-{next(NUMBERS)}"
    written = tuple(
        RecordedFact(
            id=f"fact_{node}_{ordinal}",
            fact=fact,
            occurred_at=data.draw(st.sampled_from([START, START.replace(microsecond=0)])),
            genome_id=GENOME,
            correlation_id="story",
            causation_id="cause",
        )
        for ordinal, fact in enumerate(facts)
    )
    for shelf in shelves:
        assert asyncio.run(there_and_back(shelf, node, written)) == written


async def there_and_back(
    shelf: Shelf, node: str, written: tuple[RecordedFact, ...]
) -> tuple[RecordedFact, ...]:
    async with shelf.stack:
        journal = await shelf.open()
        await claimed(journal, node)
        await journal.commit(commit(node, 1, 0, facts=written))
        return (await journal.load(node)).facts


# --------------------------------------------------------------------------------------------------- the inbox


async def test_a_stream_remembers_what_it_handled_and_no_other_does(journal: Journal) -> None:
    await claimed(journal, "root", "leaf")
    await journal.commit(commit("root", 1, 0, entries=[entry(envelope("a")), entry(envelope("b"))]))
    asked = ["env_a", "env_b", "env_c"]
    assert await journal.seen("root", asked) == {"env_a", "env_b"}
    assert await journal.seen("leaf", asked) == frozenset()
    assert await journal.seen("nobody", asked) == frozenset()
    assert await journal.seen("root", []) == frozenset()


async def test_an_envelope_is_never_entered_twice(journal: Journal) -> None:
    await claimed(journal, "root")
    await journal.commit(commit("root", 1, 0, entries=[entry(envelope("a"))]))
    with pytest.raises(Fenced):
        await journal.commit(
            commit("root", 1, 0, entries=[entry(envelope("b")), entry(envelope("a"))], facts=[recorded("a")])
        )
    assert await journal.seen("root", ["env_b"]) == frozenset()
    assert (await journal.load("root")).version == 0


async def test_one_envelope_may_be_handled_by_two_nodes(journal: Journal) -> None:
    await claimed(journal, "root", "leaf")
    for node in ("root", "leaf"):
        await journal.commit(commit(node, 1, 0, entries=[entry(envelope("a"))]))
    assert await journal.seen("leaf", ["env_a"]) == {"env_a"}


async def test_many_ids_may_be_asked_for_at_once(journal: Journal) -> None:
    await claimed(journal, "root")
    await journal.commit(commit("root", 1, 0, entries=[entry(envelope("a"))]))
    assert await journal.seen("root", ["env_a", *(f"env_{each}" for each in range(40_000))]) == {"env_a"}


# -------------------------------------------------------------------------------------------------- the outbox


async def test_the_outbox_keeps_its_order_and_forgets_what_is_marked(journal: Journal) -> None:
    await claimed(journal, "root", "leaf")
    first = [envelope(name, source="root", target="leaf") for name in "zya"]
    await journal.commit(commit("root", 1, 0, sends=first))
    later = envelope("b", source="root", target="leaf")
    await journal.commit(commit("root", 1, 0, sends=[later]))
    assert await journal.to_send("root") == (*first, later)
    assert await journal.to_send("leaf") == ()
    await journal.mark_sent(["env_y", "env_b", "env_unknown"])
    await journal.mark_sent(["env_y"])
    await journal.mark_sent([])
    assert await journal.to_send("root") == (first[0], first[2])


async def test_what_a_forgetful_transport_lost_is_sent_and_not_handled_here(
    shelf: Shelf, journal: Journal
) -> None:
    await claimed(journal, "root", "leaf")
    to_leaf, handled = (envelope(name, source="root", target="leaf") for name in ("lost", "handled"))
    stale = envelope("stale", source="root", target="leaf", expires_at=START)
    elsewhere = envelope("elsewhere", source="root", target="worker")
    unsent = envelope("unsent", source="root", target="leaf")
    sends = [to_leaf, handled, stale, elsewhere, unsent]
    await journal.commit(commit("root", 1, 0, sends=sends))
    await journal.mark_sent([each.id for each in sends if each is not unsent])
    await journal.commit(commit("leaf", 1, 0, entries=[entry(handled)]))
    shelf.clock.advance(1)
    assert await journal.unhandled("root") == (to_leaf,)
    assert await journal.unhandled("leaf") == ()
    assert await journal.unhandled("nobody") == ()


async def test_a_node_that_gets_a_stream_later_had_not_handled_it_either(
    shelf: Shelf, journal: Journal
) -> None:
    await claimed(journal, "root")
    sent = envelope("a", source="root", target="leaf")
    await journal.commit(commit("root", 1, 0, sends=[sent]))
    await journal.mark_sent([sent.id])
    assert await journal.unhandled("root") == ()
    await claimed(journal, "leaf")
    assert await journal.unhandled("root") == (sent,)


async def test_an_envelope_to_oneself_is_handled_like_any_other(journal: Journal) -> None:
    await claimed(journal, "root")
    fired = envelope("timer", source="root", target="root", channel=Channel.INTERNAL)
    await journal.commit(commit("root", 1, 0, entries=[entry(fired)], sends=[]))
    assert await journal.seen("root", [fired.id]) == {fired.id}


# --------------------------------------------------------------------------------------------- timers and jobs


async def test_timers_come_in_the_order_they_are_due(journal: Journal) -> None:
    await claimed(journal, "root")
    late, soon, also_soon = timer("a", seconds=9), timer("c", seconds=1), timer("b", seconds=1)
    await journal.commit(commit("root", 1, 0, timers=[late, soon, also_soon]))
    assert (await journal.load("root")).timers == (also_soon, soon, late)


async def test_a_timer_is_replaced_by_one_with_its_id_and_ends_when_it_is_done(journal: Journal) -> None:
    await claimed(journal, "root")
    await journal.commit(commit("root", 1, 0, timers=[timer("a"), timer("b")]))
    await journal.commit(commit("root", 1, 0, timers=[timer("a", seconds=99, token=7)]))
    assert (await journal.load("root")).timers == (timer("b"), timer("a", seconds=99, token=7))
    await journal.commit(commit("root", 1, 0, timers_done=["a", "unknown"]))
    assert (await journal.load("root")).timers == (timer("b"),)


async def test_a_timer_that_fired_and_was_set_again_in_one_commit_is_set(journal: Journal) -> None:
    await claimed(journal, "root")
    await journal.commit(commit("root", 1, 0, timers=[timer("a")]))
    await journal.commit(commit("root", 1, 0, timers_done=["a"], timers=[timer("a", token=2)]))
    assert (await journal.load("root")).timers == (timer("a", token=2),)


async def test_a_job_is_open_from_its_start_to_its_end(journal: Journal) -> None:
    await claimed(journal, "root")
    await journal.commit(commit("root", 1, 0, jobs=[job("a"), job("b")]))
    assert (await journal.load("root")).jobs == (job("a"), job("b"))
    await journal.commit(commit("root", 1, 0, jobs_done=["a"]))
    assert (await journal.load("root")).jobs == (job("b"),)


async def test_commits_that_share_a_transaction_end_with_the_last_word(journal: Journal) -> None:
    await claimed(journal, "root")
    set_it = commit("root", 1, 0, timers=[timer("a")], jobs=[job("a")])
    end_it = commit("root", 1, 0, timers_done=["a"], jobs_done=["a"])
    await asyncio.gather(*(journal.commit(each) for each in (set_it, end_it, set_it, end_it)))
    assert await journal.load("root") == Loaded(version=0)
    await asyncio.gather(*(journal.commit(each) for each in (set_it, end_it, set_it)))
    assert (await journal.load("root")).timers == (timer("a"),)


# -------------------------------------------------------------------------------------------------- concurrency


async def test_of_200_concurrent_commits_the_fenced_one_fails_alone(journal: Journal) -> None:
    nodes = [f"node-{each}" for each in range(20)]
    await claimed(journal, *nodes)
    commits = [
        commit(
            node,
            1,
            version,
            entries=[entry(envelope(f"{node}-{version}"))],
            facts=[recorded(f"{node}-{version}")],
            sends=[envelope(f"{node}-{version}-out", source=node, target="leaf")],
        )
        for version in range(10)
        for node in nodes
    ]
    stale = commit("node-3", 0, 0, facts=[recorded("stale")], entries=[entry(envelope("stale"))])
    commits.insert(77, stale)
    outcomes = await asyncio.gather(*(journal.commit(each) for each in commits), return_exceptions=True)
    assert [commits[at] for at, outcome in enumerate(outcomes) if outcome is not None] == [stale]
    assert isinstance(outcomes[77], Fenced)
    for node in nodes:
        assert [each.id for each in (await journal.load(node)).facts] == [
            f"fact_{node}-{v}" for v in range(10)
        ]
        assert len(await journal.to_send(node)) == 10
    assert await journal.seen("node-3", ["env_stale"]) == frozenset()


async def test_an_envelope_entered_twice_at_once_fails_one_commit_alone(journal: Journal) -> None:
    nodes = [f"node-{each}" for each in range(10)]
    await claimed(journal, *nodes)
    twice = commit("node-5", 1, 0, entries=[entry(envelope("same"))])
    others = [
        commit(node, 1, 0, facts=[recorded(node)], entries=[entry(envelope(node))]) for node in nodes[:5]
    ]
    commits: list[Commit] = [*others, twice, twice, commit("node-6", 1, 0, facts=[recorded("six")])]
    outcomes = await asyncio.gather(*(journal.commit(each) for each in commits), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes if outcome is not None] == [Fenced]
    assert outcomes[5] is None
    assert (await journal.load("node-6")).version == 1


async def test_two_hosts_write_to_one_ledger_at_once(shelf: Shelf) -> None:
    first, second = await shelf.open(), await shelf.open()
    await claimed(first, "one")
    await claimed(second, "two")
    for version in range(20):
        await asyncio.gather(
            first.commit(commit("one", 1, version, facts=[recorded(f"one-{version}")])),
            second.commit(commit("two", 1, version, facts=[recorded(f"two-{version}")])),
        )
    assert (await first.load("two")).version == (await second.load("one")).version == 20


async def test_a_commit_under_way_is_finished_before_the_journal_closes(shelf: Shelf) -> None:
    journal = await shelf.open()
    await claimed(journal, "root")
    writing = asyncio.create_task(journal.commit(commit("root", 1, 0, facts=[recorded("a")])))
    await asyncio.sleep(0)
    await journal.close()
    await writing
    assert (await (await shelf.open()).load("root")).version == 1
