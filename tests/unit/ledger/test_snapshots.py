"""A snapshot is a cache: facts that were put back or changed are folded again."""

from tests.contract.journals import TTL_SECONDS, commit, owner, recorded
from tests.databases import Site
from vsm_core.actor import Snapshot
from vsm_ledger import open_journal, verify


async def test_a_snapshot_that_the_facts_do_not_bear_out_is_not_used(site: Site) -> None:
    journal = await open_journal(site.location)
    await journal.claim("root", owner(), TTL_SECONDS)
    await journal.commit(commit("root", 1, 0, facts=[recorded("a"), recorded("b")]))
    await journal.keep_snapshot(Snapshot(stream="root", version=2, state_schema="1", body=b"folded"))
    assert (await journal.load("root", "1")).snapshot is not None
    assert (await verify(site.location)).findings == ()
    site.sql("UPDATE facts SET hash = 'other' WHERE version = 2")
    loaded = await journal.load("root", "1")
    assert (loaded.snapshot, len(loaded.facts)) == (None, 2)
    await journal.close()
