"""`vsm ledger rebuild` and `prune`: the read models made again from the facts, and what nobody needs forgotten."""

from pathlib import Path
from typing import Annotated

import typer

from vsm_system.cli.options import HERE, Ledger, StateFolder, Workspace, state_of, wait_for

KEPT_DAYS, MOST_DAYS = 30, 36_500


def rebuild(*, workspace: Workspace = HERE, state: StateFolder = None, ledger: Ledger = None) -> int:
    """Make all read models again from the facts, in one transaction; the facts stay as they are."""
    from vsm_ledger.connect import shown
    from vsm_system.report.wording import counted

    place, _ = state_of(workspace, state, ledger)
    facts = wait_for(_rebuilt(place.ledger))
    print(f"{shown(place.ledger)}: read models made again from {counted(facts, 'fact')}")
    return 0


async def _rebuilt(ledger: str) -> int:
    from vsm_ledger.connect import open_journal
    from vsm_system.runs.ledger import code_version, reading

    async with reading(ledger):
        pass  # what is no ledger, or not there, is refused before anything is made
    journal = await open_journal(ledger, code_version=code_version())
    try:
        return await journal.rebuild()
    finally:
        await journal.close()


def prune(
    *,
    older_than: Annotated[
        int,
        typer.Option(
            "--older-than",
            metavar="DAYS",
            min=0,
            max=MOST_DAYS,
            help="Keep the log of younger decisions, so that they can be replayed.",
        ),
    ] = KEPT_DAYS,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    workspace: Workspace = HERE,
    state: StateFolder = None,
    ledger: Ledger = None,
) -> int:
    """Forget old envelopes that nobody needs: what was handled, sent, or has expired a day ago. Facts always stay."""
    from datetime import timedelta

    from vsm_ledger.connect import shown
    from vsm_ledger.pruning import prune as forget
    from vsm_system.report.wording import counted, size
    from vsm_system.runs.ledger import file_of

    place, _ = state_of(workspace, state, ledger)
    file = file_of(place.ledger)
    before = _size(file)
    gone = wait_for(forget(place.ledger, timedelta(days=older_than), dry_run=dry_run))
    verb = "would forget" if dry_run else "forgot"
    print(
        f"{shown(place.ledger)}: {verb} {counted(gone.entries, 'inbox entry').replace('entrys', 'entries')}, the bytes "
        f"of {gone.emptied} more, and {counted(gone.envelopes, 'sent envelope')}: {size(gone.bytes_freed)}"
    )
    if file is not None:
        print(f"size: {size(before)}" + ("" if dry_run else f", now {size(_size(file))}"))
    return 0


def _size(file: Path | None) -> int:
    """Return what a ledger's file and its log take on the disk."""
    if file is None:
        return 0
    parts = (file, file.with_name(f"{file.name}-wal"))
    return sum(each.stat().st_size for each in parts if each.exists())
