"""What a run and its commands ask of a ledger: how a directive stands, its facts, and the stored checkpoints."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from vsm_ledger.checkpoints import Checkpoint
from vsm_ledger.connect import ledger_path, open_history, open_journal
from vsm_ledger.errors import LedgerMissing, UnsupportedLedger
from vsm_system.runs.result import Recorded

if TYPE_CHECKING:
    from vsm_ledger.history import DirectiveRow, History
    from vsm_ledger.journal import SqlJournal

DISTRIBUTION = "vsm-kernel"
FINISHED = "finished"


@asynccontextmanager
async def reading(ledger: str) -> AsyncIterator["History"]:
    """Open the read side of a ledger for the length of the context; raise LedgerMissing and its kin."""
    history = await open_history(ledger)
    try:
        yield history
    finally:
        await history.close()


async def is_there(ledger: str) -> bool:
    """Say whether anything was ever recorded: a file whose making was cut short is no ledger yet."""
    try:
        async with reading(ledger):
            return True
    except LedgerMissing:
        return False


@asynccontextmanager
async def writing(ledger: str, organization: str) -> AsyncIterator["SqlJournal"]:
    """Open the write side; a new ledger is the organization's, an old one keeps whose it was."""
    owner = None if await is_there(ledger) else organization
    journal = await open_journal(ledger, organization=owner, code_version=code_version())
    try:
        yield journal
    finally:
        await journal.close()


def code_version() -> str:
    """Return the installed version of this program; empty where it runs without being installed."""
    try:
        return metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return ""


async def standing(ledger: str, directive_id: str) -> "DirectiveRow | None":
    """Return how a directive stands; None where it, or the ledger, is not there."""
    if not await is_there(ledger):
        return None
    async with reading(ledger) as history:
        return await history.directive(directive_id)


async def facts_of(history: "History", directive_id: str) -> tuple[Recorded, ...]:
    """Return all facts of a directive, oldest first, with their streams."""
    from vsm_ledger.history import FactFilter

    found: list[Recorded] = []
    after = 0
    while page := await history.facts(FactFilter(directive_id=directive_id, after=after)):
        found.extend((row.stream, row.recorded) for row in page)
        after = page[-1].sequence
    return tuple(found)


async def stored_checkpoints(ledger: str) -> tuple[Checkpoint, ...]:
    """Return the checkpoints in a ledger, in the order of their numbers."""
    async with reading(ledger) as history:
        return await history.checkpoints()


def file_of(ledger: str) -> Path | None:
    """Return the file that a ledger is; None where it is a server's."""
    try:
        return ledger_path(ledger)
    except UnsupportedLedger:
        return None
