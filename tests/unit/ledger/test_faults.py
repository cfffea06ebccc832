"""What happens when the file, the disk or another process does not play along; real files, real processes."""

import asyncio
import os
import resource
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.contract.journals import TTL_SECONDS, commit, entry, envelope, owner, recorded
from tests.databases import Site
from vsm_core.actor import Fenced
from vsm_core.facts import TaskDeferred
from vsm_ledger import (
    CommitTooLarge,
    LedgerClosed,
    LedgerLocked,
    LedgerUnavailable,
    NotALedger,
    SqlJournal,
    UnsupportedLedger,
    open_history,
    open_journal,
    verify,
)
from vsm_ledger import rows as row_limits
from vsm_ledger.connect import ledger_path

SHORT_SECONDS = 0.5
FULL_BYTES = 40_000
WRITER = """
import asyncio, sys
from tests.contract.journals import TTL_SECONDS, commit, entry, envelope, recorded
from vsm_ledger import open_journal
from vsm_system.clock import this_owner

async def main(path, node):
    journal = await open_journal(path)
    epoch = await journal.claim(node, this_owner("child"), TTL_SECONDS)
    version = (await journal.load(node)).version
    while True:
        name = f"{node}-{version}"
        part = dict(facts=[recorded(name)], entries=[entry(envelope(name))])
        await journal.commit(commit(node, epoch, version, **part))
        version += 1
        print(version, flush=True)

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "ledger.sqlite"


async def opened(location: str | Path, *nodes: str) -> SqlJournal:
    journal = await open_journal(location, organization="demo", busy_timeout_seconds=SHORT_SECONDS)
    for node in nodes:
        await journal.claim(node, owner(), TTL_SECONDS)
    return journal


@contextmanager
def locked(path: Path) -> Iterator[None]:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")
        connection.close()


# ----------------------------------------------------------------------------------------------------- addresses


@pytest.mark.parametrize(
    ("location", "path"),
    [
        ("a/b.sqlite", "a/b.sqlite"),
        (Path("a/b"), "a/b"),
        ("sqlite:///a.sqlite", "a.sqlite"),
        ("sqlite:////tmp/a.sqlite", "/tmp/a.sqlite"),
        ("sqlite+aiosqlite:///a%20b.sqlite?x=y", "a b.sqlite"),
    ],
)
def test_a_path_or_a_url_names_a_file(location: str | Path, path: str) -> None:
    assert ledger_path(location) == Path(path)


@pytest.mark.parametrize(
    "location", ["mysql://u:secret@h/db", "mysql+x://h", "sqlite://", "sqlite:///:memory:"]
)
async def test_another_database_is_refused_without_its_password(location: str) -> None:
    with pytest.raises(UnsupportedLedger) as refused:
        await open_journal(location)
    assert "secret" not in str(refused.value)
    with pytest.raises(UnsupportedLedger):
        await open_history(location)


def test_importing_the_package_loads_no_database_library() -> None:
    program = (
        "import sys, vsm_ledger, vsm_ledger.memory, vsm_ledger.connect; print('sqlalchemy' in sys.modules)"
    )
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert finished.stdout.strip() == "False"


async def test_odd_names_of_files_work(tmp_path: Path) -> None:
    odd = tmp_path / "a #b?%20c" / "ü.sqlite"
    journal = await opened(odd, "root")
    await journal.commit(commit("root", 1, 0, facts=[recorded("a")]))
    assert (await journal.load("root")).version == 1
    await journal.close()
    history = await open_history(odd)
    assert len(await history.facts()) == 1
    await history.close()


# ----------------------------------------------------------------------------------------------- what is no ledger


def lay_out(path: Path, content: bytes | str) -> None:
    """Write a file: these bytes, or a database with one empty table of this name."""
    path.parent.mkdir()
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        connection = sqlite3.connect(path)
        connection.execute(f"CREATE TABLE {content} (organization, schema_version)")
        connection.close()


@pytest.mark.parametrize("content", [b"some text that is no database at all; " * 50, "other", "ledger"])
async def test_a_file_that_is_no_ledger_is_refused(path: Path, content: bytes | str) -> None:
    lay_out(path, content)
    with pytest.raises(NotALedger):
        await open_journal(path)
    with pytest.raises(NotALedger):
        await open_history(path)


async def test_opening_a_folder_says_so(tmp_path: Path) -> None:
    with pytest.raises(LedgerUnavailable):
        await open_journal(tmp_path)


# --------------------------------------------------------------------------------------------- locks and full disks


async def test_a_locked_ledger_is_a_definite_error_with_nothing_written(path: Path) -> None:
    journal = await opened(path, "root")
    with locked(path), pytest.raises(LedgerLocked) as error:
        await journal.commit(commit("root", 1, 0, facts=[recorded("a")]))
    assert error.value.definite
    assert (await journal.load("root")).version == 0
    await journal.commit(commit("root", 1, 0, facts=[recorded("a")]))
    await journal.close()


async def test_reading_goes_on_while_the_ledger_is_locked(path: Path) -> None:
    journal = await opened(path, "root")
    with locked(path):
        assert (await journal.load("root")).version == 0
        with pytest.raises(LedgerLocked):
            await journal.claim("root", owner(), TTL_SECONDS)
    await journal.close()


@contextmanager
def full_disk() -> Iterator[None]:
    """No file of this process may grow beyond what one small commit needs."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (FULL_BYTES, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_on_a_full_disk_nothing_is_acknowledged_and_work_resumes_with_space(path: Path) -> None:
    journal = await opened(path, "root", "leaf")
    large = TaskDeferred(task_id="t", directive_id="d", check="c", reason="x" * 60_000)
    await journal.commit(commit("root", 1, 0, facts=[recorded("a", large)]))
    with full_disk():
        outcomes = await asyncio.gather(
            journal.commit(commit("root", 1, 1, facts=[recorded("b", large)])),
            journal.commit(commit("leaf", 1, 0, facts=[recorded("c", large)])),
            return_exceptions=True,
        )
        assert [type(outcome) for outcome in outcomes] == [LedgerUnavailable] * 2
        assert not LedgerUnavailable.definite
        with pytest.raises(LedgerUnavailable):
            await journal.commit(commit("root", 1, 1, facts=[recorded("b", large)]))
        assert (await journal.load("root")).version == 1
    await journal.commit(commit("root", 1, 1, facts=[recorded("b", large)]))
    await journal.commit(commit("leaf", 1, 0, facts=[recorded("c", large)]))
    await journal.close()
    verification = await verify(path)
    assert (verification.findings, verification.facts) == ((), 3)


async def test_a_closed_journal_writes_nothing(site: Site) -> None:
    journal = await opened(site.location, "root")
    await journal.close()
    await journal.close()
    with pytest.raises(LedgerClosed):
        await journal.commit(commit("root", 1, 0, facts=[recorded("a")]))
    with pytest.raises(LedgerClosed):
        await journal.release("root", 1)
    with pytest.raises(LedgerClosed):
        await journal.load("root")


# ------------------------------------------------------------------------------------------------------- limits


async def test_a_commit_over_the_limit_fails_alone(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_limits, "COMMIT_LIMIT", 5_000)
    journal = await opened(site.location, "root", "leaf")
    large = [recorded(str(each)) for each in range(200)]
    outcomes = await asyncio.gather(
        journal.commit(commit("root", 1, 0, facts=large)),
        journal.commit(commit("leaf", 1, 0, facts=[recorded("a")])),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes] == [CommitTooLarge, type(None)]
    monkeypatch.setattr(row_limits, "BODY_LIMIT", 10)
    with pytest.raises(CommitTooLarge, match="DirectiveFinished of root"):
        await journal.commit(commit("root", 1, 0, facts=[recorded("a")]))
    await journal.close()


async def test_a_waiter_that_gives_up_leaves_the_others_alone(site: Site) -> None:
    journal = await opened(site.location, "root", "leaf")
    given_up = asyncio.create_task(journal.commit(commit("root", 1, 0, facts=[recorded("a")])))
    other = asyncio.create_task(journal.commit(commit("leaf", 1, 0, facts=[recorded("b")])))
    await asyncio.sleep(0)
    given_up.cancel()
    await other
    assert given_up.cancelled()
    assert (await journal.load("leaf")).version == 1
    await journal.close()


# ---------------------------------------------------------------------------------------------------- processes


def start_writer(location: str | Path, node: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(location), node], stdout=subprocess.PIPE, text=True, cwd=Path.cwd()
    )


def acknowledged(writer: "subprocess.Popen[str]", commits: int) -> int:
    """Let a writer make some commits, end it without warning, and return the last version it was promised."""
    assert writer.stdout is not None
    promised = [writer.stdout.readline() for _ in range(commits)]
    os.kill(writer.pid, signal.SIGKILL)
    promised += writer.communicate()[0].splitlines()
    return int(promised[-1])


async def test_what_was_acknowledged_survives_kill_9_and_the_node_is_free_at_once(site: Site) -> None:
    for _ in range(3):
        writer = start_writer(site.location, "root")
        promised = acknowledged(writer, commits=20)
        journal = await open_journal(site.location)
        loaded = await journal.load("root")
        assert loaded.version >= promised
        seen = await journal.seen("root", [f"env_root-{each}" for each in range(loaded.version + 1)])
        assert len(seen) == loaded.version
        await journal.close()
        assert (await verify(site.location)).findings == ()


async def test_processes_share_one_ledger(site: Site) -> None:
    writers = [start_writer(site.location, f"node-{each}") for each in range(3)]
    promised = [acknowledged(writer, commits=30) for writer in writers]
    journal = await open_journal(site.location)
    for each, version in enumerate(promised):
        assert (await journal.load(f"node-{each}")).version >= version >= 30
    await journal.close()
    assert (await verify(site.location)).findings == ()


async def test_a_process_stopped_past_its_claim_is_fenced(site: Site) -> None:
    """It is alive, but its time is over: whoever takes the node over writes alone."""
    slow, fast = await opened(site.location), await opened(site.location)
    epoch = await slow.claim("root", owner("slow"), 0.0)
    assert await fast.claim("root", owner("fast"), TTL_SECONDS) == epoch + 1
    with pytest.raises(Fenced):
        await slow.commit(commit("root", epoch, 0, entries=[entry(envelope("a"))]))
    await slow.close()
    await fast.close()
