"""A migrated ledger answers what a new one does: its read models are made again from the facts."""

import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path

from tests.databases import site_on_sqlite
from tests.unit.ledger.test_projections import rows
from vsm_ledger import migrate, open_history, open_journal
from vsm_ledger.views.attribution import Asked, attribution
from vsm_ledger.views.cost import CostAsked, cost

GOLDEN = Path(__file__).with_name("golden") / "schema_1.sql"


async def test_an_old_ledger_is_attributed_once_it_is_migrated(tmp_path: Path) -> None:
    site = site_on_sqlite(tmp_path)
    with closing(sqlite3.connect(site.location)) as connection:
        connection.executescript(GOLDEN.read_text(encoding="utf-8"))
    await migrate(site.location)
    history = await open_history(site.location)
    credited = {
        row.name: row.whole.attempts for row in await history.ask(partial(attribution, asked=Asked()))
    }
    spent = {row.name: row.input_tokens for row in await history.ask(partial(cost, asked=CostAsked()))}
    await history.close()
    assert credited == {"coder": 1, "team": 1, "root": 1}
    assert spent == {"coder": 100, "tester": 10}
    before = rows(site)
    journal = await open_journal(site.location)
    await journal.rebuild()
    assert rows(site) == before
    await journal.close()
