"""The shelf of the journal's contract: one ledger of each kind, that can be opened as often as asked."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.contract.journals import SHELVES, Journal, Shelf, shelf_of
from tests.databases import postgres

__all__ = ["postgres"]


@pytest.fixture(params=SHELVES)
async def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Shelf]:
    database = request.getfixturevalue("postgres") if request.param == "postgres" else ""
    made = shelf_of(request.param, tmp_path, database)
    async with made.stack:
        yield made


@pytest.fixture
async def journal(shelf: Shelf) -> Journal:
    return await shelf.open()
