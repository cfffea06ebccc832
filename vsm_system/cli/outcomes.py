"""`vsm outcomes scan`: what later history did to the work that was taken."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vsm_system.cli.options import HERE, Json, Ledger, StateFolder, Workspace, state_of, wait_for

if TYPE_CHECKING:
    from vsm_system.runs.outcomes import Scanned
    from vsm_system.runs.state import State

app = typer.Typer(help="Learn from what became of the work.")
SHORT = 12  # characters of a commit


@app.callback()
def _outcomes() -> None:
    """Learn from what became of the work."""


@app.command()
def scan(
    *,
    ref: Annotated[
        str, typer.Option("--ref", metavar="REF", help="Whose history is read; by default where you stand.")
    ] = "HEAD",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be recorded.")] = False,
    workspace: Workspace = HERE,
    state: StateFolder = None,
    ledger: Ledger = None,
    as_json: Json = False,
) -> int:
    """Find reverts and fix-ups of the organization's commits, and record them: attribution counts them from then on.

    Scanning again records only what is new.
    """
    from vsm_system.errors import UserError

    place, repository = state_of(workspace, state, ledger)
    if repository is None:
        raise UserError(f"{workspace} is not in a git repository: outcomes are read from its history")
    found = wait_for(_scanned(place, repository.common, ref, dry_run=dry_run))
    if as_json:
        _print_document(found)
    else:
        _print(found, dry_run=dry_run)
    return 0


async def _scanned(place: "State", repository: Path, ref: str, *, dry_run: bool) -> "Scanned":
    from vsm_ledger.claims import utc_now
    from vsm_system.clock import new_process_id, this_owner
    from vsm_system.runs.ledger import reading, writing
    from vsm_system.runs.outcomes import Writer, scan

    async with reading(place.ledger) as history:
        if dry_run:
            return await scan(repository, ref, history, None)
        async with writing(place.ledger, history.organization) as journal:
            return await scan(
                repository, ref, history, Writer(journal, this_owner(new_process_id()), utc_now())
            )


def _print_document(found: "Scanned") -> None:
    import orjson

    document = {
        "commits": found.commits,
        "ours": found.ours,
        "known": found.known,
        "unknown": found.unknown,
        "recorded": [each.model_dump(mode="json", exclude={"trace"}) for each in found.recorded],
    }
    print(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())


def _print(found: "Scanned", *, dry_run: bool) -> None:
    from vsm_system.report.console import columns, console_for, put
    from vsm_system.report.wording import counted, one_line, short

    lines = [
        (each.change.value, short(each.task_id), each.trace.node, each.commit[:SHORT], one_line(each.reason))
        for each in found.recorded
    ]
    if lines:
        put(console_for(sys.stdout), columns(lines))
    verb = "would record" if dry_run else "recorded"
    told = f", {counted(found.known, 'outcome')} known already" if found.known else ""
    strange = f", {found.unknown} about tasks that this ledger does not know" if found.unknown else ""
    print(
        f"{verb} {counted(len(lines), 'outcome')} from {counted(found.commits, 'commit')}, "
        f"{found.ours} of them the organization's{told}{strange}"
    )
