"""What a worker's journal forgets, so that it does not grow with its work."""

import pytest

from tests.contract.journals import GENOME, TTL_SECONDS, commit, entry, envelope, owner, recorded
from tests.unit.ledger.story import admitted, finished
from vsm_core.facts import AnyFact, ExecutionRevoked, ResultAcknowledged
from vsm_ledger import Keep, MemoryJournal, MemoryLedger
from vsm_ledger import memory as limits


@pytest.fixture
async def journal() -> MemoryJournal:
    made = MemoryJournal(MemoryLedger(Keep.OPEN))
    await made.claim("coder", owner(), TTL_SECONDS)
    return made


async def test_what_was_sent_and_decided_is_not_kept(journal: MemoryJournal) -> None:
    sent = envelope("out", source="coder", target="coder")
    await journal.commit(commit("coder", 1, 0, entries=[entry(envelope("in"))], sends=[sent]))
    assert await journal.to_send("coder") == (sent,)
    await journal.mark_sent([sent.id])
    assert await journal.to_send("coder") == await journal.unhandled("coder") == ()
    assert journal.ledger.log("coder") == ()
    assert await journal.seen("coder", ["env_in"]) == {"env_in"}


async def test_ids_of_handled_envelopes_are_bounded(
    journal: MemoryJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "HANDLED_IDS", 2)
    for name in "abc":
        await journal.commit(commit("coder", 1, 0, entries=[entry(envelope(name))]))
    assert await journal.seen("coder", ["env_a", "env_b", "env_c"]) == {"env_b", "env_c"}


async def test_an_acknowledged_execution_is_forgotten_and_versions_go_on(journal: MemoryJournal) -> None:
    acknowledged = ResultAcknowledged(task_id="one", directive_id="d1", execution_id="execution_one")
    revoked = ExecutionRevoked(task_id="one", directive_id="d1", execution_id="execution_other")
    facts: list[AnyFact] = [
        admitted("one", "coder"),
        finished("one", "coder", 1),
        admitted("two", "coder"),
        revoked,
    ]
    await journal.commit(
        commit("coder", 1, 0, facts=[recorded(str(at), fact) for at, fact in enumerate(facts)])
    )
    await journal.commit(commit("coder", 1, 4, facts=[recorded("4", acknowledged)]))
    loaded = await journal.load("coder")
    assert loaded.version == 5
    assert [each.fact for each in loaded.facts] == facts[2:]


async def test_a_ledger_that_keeps_all_shows_its_past() -> None:
    journal = MemoryJournal()
    await journal.claim("root", owner(), TTL_SECONDS)
    handled = entry(envelope("in"))
    await journal.commit(commit("root", 1, 0, entries=[handled], facts=[recorded("a")]))
    assert journal.ledger.log("root") == (handled,)
    assert [each.genome_id for each in journal.ledger.facts("root")] == [GENOME]
    assert journal.ledger.log("nobody") == journal.ledger.facts("nobody") == ()
