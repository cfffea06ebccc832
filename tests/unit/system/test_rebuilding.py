"""The read models of a ledger that an organization made: rebuilt from the facts, they have the same rows."""

from pathlib import Path

import pytest

from tests.databases import Site, postgres, site
from tests.unit.ledger.attempts import adjusted, write
from tests.unit.ledger.test_projections import rows
from tests.unit.system.organized import organized_run
from vsm_core.task import OutcomeChange
from vsm_ledger import open_history, open_journal
from vsm_ledger.history import FactFilter
from vsm_ledger.schema import PROJECTED

__all__ = ["postgres", "site"]
FILLED = ("directives", "tasks", "executions", "traces", "trace_credit", "node_rollups", "adjustments")


async def adjust_all(site: Site) -> None:
    """Let every traced attempt be reverted, and the first one taken back in."""
    history = await open_history(site.location)
    found = [row.recorded for row in await history.facts(FactFilter(kind="TaskTraced"))]
    await history.close()
    changes = [adjusted(f"revert_{each.id}", each, OutcomeChange.REVERTED) for each in found]
    changes.append(adjusted("again", found[0], OutcomeChange.REINSTATED))
    journal = await open_journal(site.location)
    await write(journal, "_host-outcomes", changes)
    await journal.close()


async def test_a_rebuild_makes_every_row_of_every_read_model_again(site: Site, tmp_path: Path) -> None:
    await organized_run(site.location, tmp_path, directives=6)
    await adjust_all(site)
    before = rows(site)
    assert all(before[name] for name in FILLED), {name: len(found) for name, found in before.items()}
    site.sql(*(f"DELETE FROM {name}" for name in PROJECTED))
    assert rows(site) != before
    journal = await open_journal(site.location)
    await journal.rebuild()
    assert rows(site) == before
    site.sql("UPDATE node_rollups SET attempts = attempts + 1")
    await journal.rebuild()
    assert rows(site) == before
    await journal.close()


@pytest.mark.parametrize("table", ["traces", "node_rollups"])
async def test_attempts_are_counted_once_each(table: str, site: Site, tmp_path: Path) -> None:
    await organized_run(site.location, tmp_path, directives=3)
    counted = "count(*)" if table == "traces" else "sum(attempts) / 2"  # by the hour, and by the day
    traced = site.sql("SELECT count(*) FROM facts WHERE kind = 'TaskTraced'")
    assert [tuple(map(int, row)) for row in site.sql(f"SELECT {counted} FROM {table}")] == traced
