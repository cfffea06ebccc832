"""Pruning: what nobody needs goes, facts never do, and nothing is handled twice because of it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.contract.journals import TTL_SECONDS, entry, envelope, owner
from tests.databases import Site, postgres, site
from tests.unit.system.organized import genome, organized_run
from vsm_core.actor import Commit
from vsm_core.envelope import LIFETIME
from vsm_ledger import LedgerMissing, open_history, open_journal, verify
from vsm_ledger.pruning import MARK_KEPT, Pruned, prune
from vsm_system.runs.ledger import code_version
from vsm_system.runs.replay import replay

__all__ = ["postgres", "site"]
NOTHING = Pruned(0, 0, 0, 0, 0)
SOON, LATER = timedelta(minutes=5), LIFETIME + MARK_KEPT + timedelta(minutes=5)
ALL = timedelta(0)


@pytest.fixture
async def told(site: Site, tmp_path: Path) -> Site:
    await organized_run(site.location, tmp_path, directives=2)
    return site


async def pruned(
    told: Site, after: timedelta, older_than: timedelta = ALL, *, dry_run: bool = False
) -> Pruned:
    return await prune(told.location, older_than, dry_run=dry_run, now=datetime.now(UTC) + after)


def counted(told: Site, table: str, where: str = "1 = 1") -> int:
    return int(str(told.sql(f"SELECT count(*) FROM {table} WHERE {where}")[0][0]))


async def whole(told: Site) -> None:
    """The chain is verified, and what can be decided again comes out the same."""
    assert (await verify(told.location)).findings == ()
    history = await open_history(told.location)
    assert all(each.divergence is None for each in await replay(history, genome(), None, code_version()))
    await history.close()


async def test_a_young_log_stays_as_it_is(told: Site) -> None:
    assert await pruned(told, SOON, timedelta(days=1)) == NOTHING
    await whole(told)


async def test_an_old_log_goes_but_its_marks_stay_until_a_day_after_expiry(told: Site) -> None:
    entries, facts = counted(told, "inbox"), counted(told, "facts")
    gone = await pruned(told, SOON)
    assert gone.entries == 0
    assert gone.emptied == entries == counted(told, "inbox", "length(bytes) = 0")
    assert gone.envelopes > 0
    assert gone.bytes_freed > 0
    assert counted(told, "facts") == facts
    await whole(told)
    gone = await pruned(told, LATER)
    assert (gone.entries, gone.emptied, counted(told, "inbox")) == (entries, 0, 0)
    assert (gone.limits, counted(told, "limits")) == (1, 0)
    assert counted(told, "outbox", "sent_at IS NOT NULL") == 0
    assert counted(told, "facts") == facts
    await whole(told)


async def test_pruning_twice_forgets_once(told: Site) -> None:
    await pruned(told, LATER)
    assert await pruned(told, LATER) == NOTHING


async def test_what_was_not_sent_or_not_handled_stays(told: Site) -> None:
    told.sql(
        "UPDATE outbox SET sent_at = NULL WHERE target = 'middle'",
        "UPDATE outbox SET handled = 0 WHERE target = 'root'",
    )
    unsent, unhandled = (
        counted(told, "outbox", "target = 'middle'"),
        counted(told, "outbox", "target = 'root'"),
    )
    assert unsent
    assert unhandled
    await pruned(told, SOON)
    assert counted(told, "outbox", "target = 'middle'") == unsent
    assert counted(told, "outbox", "target = 'root'") == unhandled
    await pruned(told, LATER)
    assert counted(told, "outbox", "target = 'middle'") == unsent
    assert counted(told, "outbox", "target = 'root'") == 0


async def test_a_dry_run_says_the_same_and_touches_nothing(told: Site) -> None:
    before = counted(told, "inbox"), counted(told, "outbox")
    would = await pruned(told, LATER, dry_run=True)
    assert (counted(told, "inbox"), counted(told, "outbox")) == before
    did = await pruned(told, LATER)
    assert (would.entries, would.emptied, would.envelopes, would.bytes_freed) == (
        did.entries,
        did.emptied,
        did.envelopes,
        did.bytes_freed,
    )


async def test_an_envelope_is_not_handled_twice_after_its_log_was_pruned(site: Site) -> None:
    journal = await open_journal(site.location)
    epoch = await journal.claim("root", owner(), TTL_SECONDS)
    asked = envelope("asked").model_copy(update={"expires_at": datetime.now(UTC) + LIFETIME})
    await journal.commit(Commit("root", epoch, 0, entries=(entry(asked),)))
    await pruned(site, SOON)
    assert await journal.seen("root", [asked.id]) == {asked.id}
    await pruned(site, LATER)
    assert await journal.seen("root", [asked.id]) == frozenset()
    await journal.close()


async def test_a_damaged_envelope_is_kept_as_long_as_any(told: Site) -> None:
    literal = "decode('ff', 'hex')" if told.kind == "postgres" else "x'ff'"
    told.sql(f"UPDATE inbox SET bytes = {literal}")
    assert (await pruned(told, SOON)).entries == 0
    assert (await pruned(told, LATER)).entries > 0


async def test_a_file_gets_smaller(told: Site) -> None:
    if told.kind == "sqlite":
        await (await open_journal(told.location)).close()
        before = size_of(told)
        await pruned(told, LATER)
        assert size_of(told) < before


def size_of(told: Site) -> int:
    return Path(told.location).stat().st_size


async def test_there_must_be_something_to_prune(site: Site) -> None:
    with pytest.raises(LedgerMissing):
        await prune(site.location, ALL, dry_run=True)
