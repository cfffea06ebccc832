"""What happens when the server, the network or another host does not play along; a real server, a real wire."""

import asyncio
import subprocess
import sys

import asyncpg
import pytest
from sqlalchemy import Connection

from tests.contract.journals import TTL_SECONDS, commit, entry, envelope, owner, recorded
from tests.databases import Site, on_server, site_on_postgres
from tests.unit.ledger.severed import Cut, proxied
from vsm_core.actor import Fenced
from vsm_ledger import (
    LedgerAddressWrong,
    LedgerLocked,
    LedgerMissing,
    LedgerUnavailable,
    LedgerUnreachable,
    SqlJournal,
    open_history,
    open_journal,
    shown,
    verify,
)
from vsm_ledger import postgres as adapter
from vsm_ledger.connect import place_of

SHORT_SECONDS, LONG_SECONDS = 0.5, 5.0
LOCK = "SELECT pg_advisory_xact_lock({}, hashtext(current_schema()))"
SAY = "DO $$ BEGIN RAISE EXCEPTION 'as told' USING ERRCODE = '{}'; END $$"


@pytest.fixture
def site(postgres: str) -> Site:
    return site_on_postgres(postgres)


async def opened(url: object, *nodes: str, wait_seconds: float = SHORT_SECONDS) -> SqlJournal:
    journal = await open_journal(str(url), organization="demo", busy_timeout_seconds=wait_seconds)
    for node in nodes:
        await journal.claim(node, owner(), TTL_SECONDS)
    return journal


# ----------------------------------------------------------------------------------------------------- addresses


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ada:secret@host:1/db",
        "postgres://ada:secret@host:1/db?password=secret",
        "postgresql+asyncpg://ada:secret@host:1/db?sslmode=require",
        "PostgreSQL://ada:secret@host:1/db",
    ],
)
def test_a_place_does_not_show_its_password(url: str) -> None:
    place = place_of(url)
    assert str(place) == "postgresql://host:1/db"
    assert "secret" not in repr(place)


@pytest.mark.parametrize("password", ["sec/ret", "sec@ret", "sec:ret/"])
def test_no_part_of_an_odd_password_is_shown(password: str) -> None:
    assert shown(f"postgresql://ada:{password}@host/db?password=secret") == "postgresql://host/db"


def test_an_address_that_can_not_be_taken_apart_says_what_to_do() -> None:
    with pytest.raises(LedgerAddressWrong, match="percent-encode") as error:
        place_of("postgresql://ada:sec/ret@host/db")
    assert "sec" not in str(error.value)
    assert error.value.__suppress_context__


def test_what_can_not_be_opened_shows_no_password_either() -> None:
    assert shown("mysql://ada:secret@host/db?password=secret") == "mysql://host/db"


def test_a_file_is_shown_as_it_is() -> None:
    assert (shown("a/b.db"), shown("sqlite:///a?x=y")) == ("a/b.db", "sqlite:///a?x=y")


async def test_an_error_does_not_show_a_password() -> None:
    with pytest.raises(LedgerUnreachable) as error:
        await open_journal("postgresql://ada:secret@127.0.0.1:1/db", busy_timeout_seconds=SHORT_SECONDS)
    assert "postgresql://127.0.0.1:1/db" in str(error.value)
    assert "secret" not in str(error.value)


async def test_every_name_of_the_scheme_leads_to_the_same_ledger(site: Site) -> None:
    journal = await opened(site.location, "root")
    await journal.close()
    rest = str(site.location).partition(":")[2]
    for scheme in ("postgres", "postgresql+asyncpg"):
        history = await open_history(f"{scheme}:{rest}")
        assert [row.stream for row in await history.streams()] == ["root"]
        await history.close()


def test_without_the_extra_one_line_names_it() -> None:
    program = (
        "import sys; sys.modules['asyncpg'] = None\n"
        "from vsm_ledger import DriverMissing\nfrom vsm_ledger.connect import place_of\n"
        "try: place_of('postgresql://host/db')\nexcept DriverMissing as error: print(error)"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert said.stdout.count("\n") == 1
    assert "pip install 'vsm-kernel[postgres]'" in said.stdout


async def test_a_database_that_is_not_there_is_missing(site: Site) -> None:
    nowhere = str(site.location).partition("?")[0] + "_none"
    for opening in (open_journal, open_history, verify):
        with pytest.raises(LedgerMissing, match="does not exist"):
            await opening(nowhere)


# --------------------------------------------------------------------------------------------------------- locks


async def test_a_writer_waits_for_the_organizations_lock_and_says_so_in_the_end(site: Site) -> None:
    journal = await opened(site.location, "root")
    other = await asyncpg.connect(site.location)
    async with other.transaction():
        await other.execute(LOCK.format(0x76736D))
        with pytest.raises(LedgerLocked) as error:
            await journal.commit(commit("root", 1, 0, facts=[recorded("a")]))
        assert error.value.definite
        assert (await journal.load("root")).version == 0
        waiting = asyncio.create_task(journal.commit(commit("root", 1, 0, facts=[recorded("a")])))
        await asyncio.sleep(SHORT_SECONDS / 4)
        assert not waiting.done()
    await waiting
    await other.close()
    await journal.close()


async def test_numbers_are_seen_in_the_order_they_are_given(site: Site) -> None:
    """Two hosts commit at once; a reader that goes on from the last number it saw misses nothing."""
    one, two = await opened(site.location, "one"), await opened(site.location, "two")
    history = await open_history(str(site.location))
    writing = [asyncio.create_task(write_many(*each)) for each in ((one, "one"), (two, "two"))]
    seen: list[int] = []
    while not all(task.done() for task in writing):
        seen += await sequences(site, after=seen[-1] if seen else 0)
    await asyncio.gather(*writing)
    seen += await sequences(site, after=seen[-1])
    assert seen == await sequences(site, after=0)
    assert len(seen) == 2 * 60 * 3
    for each in (one, two, history):
        await each.close()


async def write_many(journal: SqlJournal, node: str) -> None:
    for version in range(0, 180, 3):
        facts = [recorded(f"{node}-{version + each}") for each in range(3)]
        await journal.commit(commit(node, 1, version, facts=facts))


async def sequences(site: Site, after: int) -> list[int]:
    rows = await on_server(
        str(site.location), f"SELECT sequence FROM facts WHERE sequence > {after} ORDER BY sequence"
    )
    return [int(str(row[0])) for row in rows]


async def test_a_head_that_another_writer_moves_is_waited_for_and_fences(site: Site) -> None:
    """Even one that does not take the organization's lock: the rows of the heads are locked too."""
    journal = await opened(site.location, "root")
    other = await asyncpg.connect(site.location)
    async with other.transaction():
        await other.execute("UPDATE streams SET version = version + 1")
        late = asyncio.create_task(journal.commit(commit("root", 1, 0, facts=[recorded("a")])))
        await asyncio.sleep(SHORT_SECONDS / 4)
        assert not late.done()
    with pytest.raises(Fenced, match="expected version 0, found 1"):
        await late
    await other.close()
    await journal.close()


async def test_a_writer_that_stops_in_its_transaction_loses_it(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "STOPPED_SECONDS", 1)
    stopped = place_of(site.location).writing()
    journal = await opened(site.location, "root")
    silent = asyncio.create_task(stopped.transact(fall_silent))
    await asyncio.sleep(SHORT_SECONDS / 2)
    with pytest.raises(LedgerLocked):
        await journal.commit(commit("root", 1, 0, facts=[recorded("a")]))
    with pytest.raises(LedgerUnreachable):
        await silent
    await journal.commit(commit("root", 1, 0, facts=[recorded("a")]))
    await stopped.close()
    await journal.close()


def fall_silent(connection: Connection) -> None:
    from sqlalchemy.util import await_only

    await_only(asyncio.sleep(1.5))
    connection.exec_driver_sql("SELECT 1")


# ----------------------------------------------------------------------------------------------------- conflicts


@pytest.mark.parametrize("code", ["40001", "40P01"])
@pytest.mark.parametrize("times", [1, adapter.TRIES])
async def test_a_conflict_is_tried_again_a_few_times(site: Site, code: str, times: int) -> None:
    tried = []

    def act(connection: Connection) -> int:
        tried.append(code)
        if len(tried) <= times:
            connection.exec_driver_sql(SAY.format(code))
        return len(tried)

    writer = place_of(site.location).writing()
    if times < adapter.TRIES:
        assert await writer.transact(act) == times + 1
    else:
        with pytest.raises(LedgerUnavailable, match="as told"):
            await writer.transact(act)
    assert len(tried) == min(times + 1, adapter.TRIES)
    await writer.close()


# ---------------------------------------------------------------------------------------------- lost connections


async def test_a_connection_that_broke_while_idle_is_made_anew(site: Site) -> None:
    journal = await opened(site.location, "root")
    assert (await journal.load("root")).version == 0
    others = "pid <> pg_backend_pid() AND datname = current_database() AND application_name = 'vsm'"
    site.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}")
    await journal.commit(commit("root", 1, 0, facts=[recorded("a")]))
    assert (await journal.load("root")).version == 1
    await journal.close()


async def test_without_a_server_nothing_is_acknowledged_and_work_resumes_with_it(site: Site) -> None:
    async with proxied(str(site.location)) as (proxy, url):
        journal = await opened(url, "root", "leaf")
        await journal.commit(commit("root", 1, 0, facts=[recorded("a")]))
        proxy.sever()
        for work in (
            journal.commit(commit("root", 1, 1, facts=[recorded("b")])),
            journal.load("root"),
            journal.renew("root", 1, TTL_SECONDS),
            verify(url),
        ):
            with pytest.raises(LedgerUnreachable):
                await work
        proxy.mend()
        assert (await journal.load("root")).version == 1
        await journal.commit(commit("root", 1, 1, facts=[recorded("b")]))
        await journal.commit(commit("leaf", 1, 0, facts=[recorded("c")]))
        await journal.close()
    verification = await verify(site.location)
    assert (verification.findings, verification.facts) == ((), 3)


@pytest.mark.parametrize("with_facts", [True, False])
async def test_a_commit_whose_end_was_not_seen_is_asked_for(site: Site, with_facts: bool) -> None:
    """It is there: nobody is told that it may not be, and it is not written twice."""
    async with proxied(str(site.location)) as (proxy, url):
        journal = await opened(url, "root", "leaf", wait_seconds=LONG_SECONDS)
        parts = {"entries": [entry(envelope("a"))], "facts": [recorded("a")] if with_facts else []}
        stale = commit("leaf", 1, 7, facts=[recorded("b")])
        proxy.cut = Cut.AFTER
        outcomes = await asyncio.gather(
            journal.commit(stale), journal.commit(commit("root", 1, 0, **parts)), return_exceptions=True
        )
        assert [type(outcome) for outcome in outcomes] == [Fenced, type(None)]
        assert proxy.cut is Cut.NEVER
        assert await journal.seen("root", ["env_a"]) == {"env_a"}
        assert (await journal.load("root")).version == with_facts
        await journal.close()


async def test_a_commit_that_never_reached_the_server_is_not_there(site: Site) -> None:
    async with proxied(str(site.location)) as (proxy, url):
        journal = await opened(url, "root", wait_seconds=LONG_SECONDS)
        lost = commit("root", 1, 0, entries=[entry(envelope("a"))], facts=[recorded("a")])
        proxy.cut = Cut.BEFORE
        with pytest.raises(LedgerUnreachable):
            await journal.commit(lost)
        assert (await journal.load("root")).version == 0
        await journal.commit(lost)
        assert (await journal.load("root")).version == 1
        await journal.close()


async def test_a_server_that_does_not_wait_for_its_disk_is_told_to(site: Site) -> None:
    writer = place_of(f"{site.location}&synchronous_commit=off").writing()
    shown = await writer.transact(
        lambda connection: connection.exec_driver_sql("SHOW synchronous_commit").scalar()
    )
    assert shown == "on"
    await writer.close()
