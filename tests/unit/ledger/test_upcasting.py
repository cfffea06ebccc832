"""Facts of older versions: read as what they would be today, on a golden ledger, with the chain as it was."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from vsm_core.facts import FACT_CLASSES, TaskConcluded
from vsm_ledger import FactUnreadable, migrate, open_journal, upcasting, verify
from vsm_ledger.upcasting import UPCASTERS, Body, upcast

GOLDEN = Path(__file__).with_name("golden") / "schema_1.sql"


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    path = tmp_path / "ledger.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(GOLDEN.read_text(encoding="utf-8"))
    return path


def with_a_prefix(body: Body) -> Body:
    """Stand in for a change of form: from the second version on a reason says where it is from."""
    return {**body, "reason": f"from 1: {body.get('reason', '')}"}


def shouting(body: Body) -> Body:
    return {**body, "reason": str(body["reason"]).upper()}


async def reasons(path: Path) -> list[str]:
    journal = await open_journal(path)
    try:
        facts = [recorded.fact for recorded in (await journal.load("root")).facts]
    finally:
        await journal.close()
    return [fact.reason for fact in facts if isinstance(fact, TaskConcluded)]


def test_every_version_before_the_newest_can_be_read() -> None:
    behind = {
        (kind, version) for kind, cls in FACT_CLASSES.items() for version in range(1, cls.schema_version)
    }
    assert set(UPCASTERS) == behind


async def test_a_fact_goes_through_every_version_on_its_way(
    ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await migrate(ledger)
    before = await reasons(ledger)
    assert before
    monkeypatch.setattr(TaskConcluded, "schema_version", 3)
    steps = {("TaskConcluded", 1): with_a_prefix, ("TaskConcluded", 2): shouting}
    monkeypatch.setattr(upcasting, "UPCASTERS", steps)
    assert await reasons(ledger) == [f"FROM 1: {reason.upper()}" for reason in before]
    assert (await verify(ledger)).findings == ()


async def test_a_version_that_nobody_can_read_is_named(ledger: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await migrate(ledger)
    monkeypatch.setattr(TaskConcluded, "schema_version", 3)
    monkeypatch.setattr(upcasting, "UPCASTERS", {("TaskConcluded", 1): with_a_prefix})
    with pytest.raises(FactUnreadable, match="TaskConcluded version 2: nothing here makes version 3 of it"):
        await reasons(ledger)


def test_the_newest_version_is_read_as_it_stands() -> None:
    assert upcast("TaskConcluded", 1, 1, "{ as it stands") == "{ as it stands"
