"""Whose ledger it is, of which version, and how an older one becomes one of today."""

import re
import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Inspector, inspect

from tests.contract.journals import TTL_SECONDS, Clock, commit, foreign_owner, owner, recorded
from tests.databases import Site, site_on_postgres, site_on_sqlite
from vsm_core.actor import Claimed
from vsm_ledger import (
    LedgerError,
    LedgerMissing,
    LedgerTooNew,
    LedgerTooOld,
    NotALedger,
    WrongOrganization,
    migrate,
    open_history,
    open_journal,
    verify,
)
from vsm_ledger.connect import place_of
from vsm_ledger.migrations import run_migrations
from vsm_ledger.schema import FIRST_REVISION, REVISION, SCHEMA_VERSION, tables

GOLDEN = Path(__file__).with_name("golden")
MIGRATIONS = Path(__file__).parents[3] / "vsm_ledger" / "migrations" / "versions"


async def laid_out(site: Site, act: Callable[[Connection], object]) -> None:
    """Do something to a database as a writer, past the check of what is there."""
    writer = place_of(site.location).writing()
    try:
        await writer.transact(act)
    finally:
        await writer.close()


async def first_ledger(site: Site) -> None:
    """A ledger as the first version made it."""
    await laid_out(site, lambda connection: run_migrations(connection, FIRST_REVISION, stamped=False))
    site.sql("DROP TABLE alembic_version", "INSERT INTO ledger VALUES ('demo', 1, 'then')")


# ------------------------------------------------------------------------------------------------- organizations


async def test_a_ledger_of_another_organization_is_refused(site: Site) -> None:
    await (await open_journal(site.location, organization="demo")).close()
    with pytest.raises(WrongOrganization):
        await open_journal(site.location, organization="other")
    journal = await open_journal(site.location)
    assert journal.organization == "demo"
    await journal.close()


@pytest.mark.parametrize(
    "damage",
    ["DROP TABLE ledger", "DELETE FROM ledger", "UPDATE alembic_version SET version_num = 'x'"],
)
async def test_what_is_no_ledger_is_refused(site: Site, damage: str) -> None:
    await (await open_journal(site.location)).close()
    site.sql(damage)
    for opening in (open_journal, open_history):
        with pytest.raises(NotALedger):
            await opening(site.location)


# ------------------------------------------------------------------------------------------------------ versions


@pytest.mark.parametrize(
    ("revision", "error"), [(f"{SCHEMA_VERSION + 1:04}", LedgerTooNew), (FIRST_REVISION, LedgerTooOld)]
)
async def test_a_ledger_of_another_version_is_refused(
    site: Site, revision: str, error: type[LedgerError]
) -> None:
    await (await open_journal(site.location)).close()
    site.sql(f"UPDATE alembic_version SET version_num = '{revision}'")
    openings: tuple[Callable[[str | Path], Awaitable[object]], ...] = (open_journal, open_history)
    for opening in openings:
        with pytest.raises(error) as refused:
            await opening(site.location)
        assert ("vsm ledger migrate" in str(refused.value)) == (error is LedgerTooOld)
    if error is LedgerTooNew:
        with pytest.raises(LedgerTooNew):
            await migrate(site.location)


async def test_a_ledger_of_the_first_version_is_offered_the_way_and_goes_it(site: Site) -> None:
    await first_ledger(site)
    with pytest.raises(LedgerTooOld, match="vsm ledger migrate"):
        await open_history(site.location)
    assert await migrate(site.location) == (1, SCHEMA_VERSION)
    assert await migrate(site.location) == (SCHEMA_VERSION, SCHEMA_VERSION)
    journal = await open_journal(site.location, organization="demo")
    epoch = await journal.claim("root", owner(), TTL_SECONDS)
    await journal.commit(commit("root", epoch, 0, facts=[recorded("a")]))
    await journal.close()


async def test_there_must_be_something_to_migrate(site: Site) -> None:
    with pytest.raises(LedgerMissing):
        await migrate(site.location)


async def test_a_ledger_that_a_process_writes_is_not_migrated(site: Site) -> None:
    await (await open_journal(site.location, organization="demo")).close()
    journal = await open_journal(site.location, clock=Clock())
    await journal.claim("root", foreign_owner(), TTL_SECONDS)
    await journal.close()
    site.sql(f"UPDATE alembic_version SET version_num = '{FIRST_REVISION}'")
    with pytest.raises(Claimed):
        await migrate(site.location, clock=Clock())
    assert site.sql("SELECT version_num FROM alembic_version") == [(FIRST_REVISION,)]


def laid_down(golden: Path, folder: Path) -> Path:
    """A ledger as a released version left it."""
    path = folder / "ledger.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(golden.read_text(encoding="utf-8"))
    return path


@pytest.mark.parametrize("golden", sorted(GOLDEN.glob("*.sql")), ids=lambda path: path.stem)
async def test_a_golden_ledger_migrates_with_all_it_holds(golden: Path, tmp_path: Path) -> None:
    path = laid_down(golden, tmp_path)
    before = await verify(path)
    await migrate(path)
    assert (await verify(path)) == before
    assert (before.findings, before.facts, before.streams) == ((), 22, 2)
    journal = await open_journal(path, organization="demo")
    loaded = await journal.load("root")
    assert (loaded.version, len(loaded.timers), len(loaded.jobs)) == (9, 1, 1)
    assert await journal.rebuild() == 22
    await journal.close()


# ------------------------------------------------------------------------------------------- one schema, two ways


def described(connection: Connection) -> dict[str, object]:
    """All that a database tells of its tables."""
    seen = inspect(connection)
    return {name: table_described(seen, name) for name in sorted(seen.get_table_names())}


def table_described(seen: Inspector, name: str) -> object:
    columns = [(each["name"], repr(each["type"]), each["nullable"]) for each in seen.get_columns(name)]
    keys = sorted(
        (str(each["name"]), each["column_names"], bool(each.get("unique")), partial_index(each))
        for each in (*seen.get_indexes(name), *seen.get_unique_constraints(name))
    )
    return columns, keys, seen.get_pk_constraint(name)["constrained_columns"]


def partial_index(index: Mapping[str, Any]) -> list[str]:
    """The conditions of an index, as the database says them."""
    return sorted(f"{name}: {value}" for name, value in index.get("dialect_options", {}).items())


async def schema_of(site: Site) -> dict[str, object]:
    reader = place_of(site.location).reading()
    try:
        return await reader.transact(described)
    finally:
        await reader.close()


@pytest.mark.parametrize("kind", ["postgres", "sqlite"])
async def test_migrations_and_a_new_ledger_have_one_schema(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    made, migrated = (new_site(kind, request, tmp_path / name) for name in ("made", "migrated"))
    await (await open_journal(made.location)).close()
    await laid_out(migrated, lambda connection: run_migrations(connection, REVISION, stamped=False))
    schema = await schema_of(made)
    assert schema == await schema_of(migrated)
    assert set(schema) == set(tables.tables)
    assert made.sql("SELECT * FROM alembic_version") == migrated.sql("SELECT * FROM alembic_version")


def new_site(kind: str, request: pytest.FixtureRequest, folder: Path) -> Site:
    folder.mkdir()
    return (
        site_on_sqlite(folder) if kind == "sqlite" else site_on_postgres(request.getfixturevalue("postgres"))
    )


def test_the_newest_migration_is_the_version_of_the_schema() -> None:
    found = [re.match(r"r(\d{4})_", path.name) for path in MIGRATIONS.glob("r*.py")]
    assert max(each[1] for each in found if each) == REVISION
