"""Databases for tests: a place for one ledger on each kind, and plain SQL on what lies there.

PostgreSQL is sought where VSM_TEST_POSTGRES says, or on this machine. The suite makes a database of its own on that
server, gives each test a schema in it, and removes it at the end. What a run that was killed left there, the next one
removes.
"""

import asyncio
import os
import re
import sqlite3
from collections.abc import Awaitable, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import pytest

from tests.conftest import skip_or_fail

SERVER = os.environ.get("VSM_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres")
CONNECT_SECONDS = 5
KINDS = ("postgres", "sqlite")
MADE_BY = re.compile(r"^vsm_test_(\d+)_\d+$")  # the pid of a run
HERE = frozenset({"127.0.0.1", "::1", "localhost", None})
ResultT = TypeVar("ResultT")
_numbers = count()


@dataclass(frozen=True)
class Site:
    """Where one ledger may be, and a way past the ledger's own code to what lies there."""

    kind: str
    location: str | Path

    def sql(self, *statements: str) -> list[tuple[object, ...]]:
        """Run statements, each for itself, and return the rows of the last."""
        if self.kind == "postgres":
            return apart(on_server(str(self.location), *statements))
        with closing(sqlite3.connect(self.location, isolation_level=None)) as connection:
            return [connection.execute(each).fetchall() for each in statements][-1]

    @property
    def is_made(self) -> bool:
        """Whether a ledger was ever opened for writing here."""
        catalogue = (
            "information_schema.tables WHERE table_schema = current_schema() AND table_name = 'ledger'"
            if self.kind == "postgres"
            else "sqlite_master WHERE name = 'ledger'"
        )
        return bool(self.sql(f"SELECT 1 FROM {catalogue}"))

    def rows(self, select: str) -> list[dict[str, object]]:
        """Return rows as mappings."""
        if self.kind == "postgres":
            return apart(on_server(str(self.location), select, as_row=dict))
        with closing(sqlite3.connect(self.location)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(select)]


async def on_server(url: str, *statements: str, as_row: Callable[..., ResultT] = tuple) -> list[ResultT]:
    """Run statements on a connection of their own and return the rows of the last."""
    import asyncpg

    connection = await asyncpg.connect(url, timeout=CONNECT_SECONDS)
    try:
        return [[as_row(row) for row in await connection.fetch(each)] for each in statements][-1]
    finally:
        await connection.close()


def apart(work: Awaitable[ResultT]) -> ResultT:
    """Return what a coroutine returns, run in a loop of its own, from wherever this is called."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()  # type: ignore[arg-type]


def site_on_sqlite(folder: Path) -> Site:
    return Site("sqlite", folder / "ledger.sqlite")


def site_on_postgres(database: str) -> Site:
    schema = f"ledger_{next(_numbers)}"
    apart(on_server(database, f"CREATE SCHEMA {schema}"))
    return Site("postgres", f"{database}?search_path={schema}")


def left_behind(databases: Iterable[str], is_running: Callable[[int], bool]) -> list[str]:
    """Those databases that a test run made which is no more."""
    made = ((name, MADE_BY.match(name)) for name in databases)
    return [name for name, by in made if by is not None and not is_running(int(by[1]))]


def runs_here(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def remove_left_behind() -> None:
    """Drop what killed runs left; on a server of another machine nobody knows whose pid it is."""
    if urlsplit(SERVER).hostname not in HERE:
        return
    import asyncpg

    found = apart(on_server(SERVER, "SELECT datname FROM pg_database"))
    for name in left_behind([str(row[0]) for row in found], runs_here):
        with suppress(asyncpg.PostgresError):  # another worker of this run is doing the same
            apart(on_server(SERVER, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a new, empty database; it is gone with the session."""
    if find_spec("asyncpg") is None:
        skip_or_fail("needs the extra `postgres`")
    name = f"vsm_test_{os.getpid()}_{next(_numbers)}"
    try:
        remove_left_behind()
        apart(on_server(SERVER, f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'"))
    except (OSError, TimeoutError) as error:
        skip_or_fail(f"needs a PostgreSQL server: {error}; VSM_TEST_POSTGRES names another one")
    yield urlsplit(SERVER)._replace(path=f"/{name}", query="").geturl()
    apart(on_server(SERVER, f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture(params=KINDS)
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Site:
    """A place for one ledger, on each kind of database."""
    if request.param == "postgres":
        return site_on_postgres(request.getfixturevalue("postgres"))
    return site_on_sqlite(tmp_path)
