"""Two processes on one ledger (I3): whoever was stopped past its claim is fenced by who came after it, and stops.

Rows 12 and 13 of the fault matrix, with real processes and real signals, on every database.
"""

import asyncio
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Timer

import pytest

from tests.databases import Site
from tests.system.serving import LOST, ORGANIZATION
from vsm_core.actor import Limits
from vsm_ledger import open_history, verify
from vsm_system.simulation.invariants import StreamRules

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 60.0
SOME = 3  # directives
TRIES = 100
A_MOMENT_SECONDS = 0.013

pytestmark = [pytest.mark.timeout(300)]


class Server:
    """A process that serves the shared organization, and what it said so far."""

    def __init__(self, site: Site, folder: Path) -> None:
        self.said: list[str] = []
        with (folder.parent / f"{folder.name}.log").open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.system.serving", str(site.location), str(folder)],
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=ROOT,
                text=True,
            )

    def says(self, word: str, times: int = 1) -> list[str]:
        """Read on until a word was said so often, or the process is over."""
        assert self.process.stdout is not None
        patience = Timer(PATIENCE_SECONDS, self.process.kill)
        patience.start()
        heard: list[str] = []
        try:
            while len(heard) < times and (line := self.process.stdout.readline()):
                self.said.append(line.strip())
                heard += [line.strip()] if line.startswith(word) else []
        finally:
            patience.cancel()
        return heard

    def end(self) -> None:
        self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


@contextmanager
def serving(site: Site, folder: Path) -> Iterator[Server]:
    server = Server(site, folder)
    try:
        yield server
    finally:
        server.end()


@contextmanager
def taking_over(site: Site, folder: Path) -> Iterator[Server]:
    """Start a process again and again until it holds the nodes; a server ends the lock of a silent one by itself."""
    for _ in range(int(PATIENCE_SECONDS)):
        server = Server(site, folder)
        if server.says("serving"):
            try:
                yield server
            finally:
                server.end()
            return
        server.end()
        assert {line.split()[0] for line in server.said} <= {"Claimed", "LedgerLocked"}, server.said
    pytest.fail("the claim of a stopped process never ended")


def test_a_process_that_was_stopped_past_its_claim_is_fenced_and_ends(site: Site, tmp_path: Path) -> None:
    with serving(site, tmp_path / "first") as first:
        assert len(first.says("done", SOME)) == SOME
        stop_between_transactions(first, site)
        with taking_over(site, tmp_path / "second") as second:
            assert len(second.says("done", SOME)) == SOME
            first.process.send_signal(signal.SIGCONT)
            assert first.says("Fenced")
            assert first.process.wait(PATIENCE_SECONDS) == LOST
            assert len(second.says("done", SOME)) == SOME
    asyncio.run(_one_history(site))


def test_a_node_that_is_held_is_not_taken(site: Site, tmp_path: Path) -> None:
    with serving(site, tmp_path / "first") as first:
        assert first.says("serving")
        with serving(site, tmp_path / "second") as second:
            assert second.says("Claimed")
            assert second.process.wait(PATIENCE_SECONDS) == LOST
        assert len(first.says("done", SOME)) == SOME


def test_the_nodes_of_a_killed_process_are_taken_at_once(site: Site, tmp_path: Path) -> None:
    with serving(site, tmp_path / "first") as first:
        assert len(first.says("done", 1)) == 1
        first.process.kill()
        first.process.wait()
        with serving(site, tmp_path / "second") as second:
            assert len(second.says("done", SOME)) == SOME
            assert second.said[0] == "serving"
    asyncio.run(_one_history(site))


def stop_between_transactions(server: Server, site: Site) -> None:
    """Stop a process while it holds no lock: one on a file can't be taken from whoever holds it."""
    for _ in range(TRIES):
        server.process.send_signal(signal.SIGSTOP)
        if site.kind != "sqlite" or _is_free(Path(site.location)):
            return
        server.process.send_signal(signal.SIGCONT)
        time.sleep(A_MOMENT_SECONDS)
    pytest.fail("it holds the lock all the time")


def _is_free(file: Path) -> bool:
    with closing(sqlite3.connect(file, timeout=0, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
        except sqlite3.OperationalError:
            return False
    return True


async def _one_history(site: Site) -> None:
    """The chain holds, and the facts of every stream keep the rules, whoever wrote them."""
    assert (await verify(site.location)).findings == ()
    history = await open_history(site.location)
    try:
        assert history.organization == ORGANIZATION
        rules: dict[str, StreamRules] = {}
        for row in await history.facts():
            rules.setdefault(row.stream, StreamRules(row.stream, Limits())).take(row.recorded.fact)
        assert set(rules) == {"root", "middle"}
        assert [text for each in rules.values() for text in each.found] == []
    finally:
        await history.close()
