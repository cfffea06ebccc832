"""`vsm ledger`: is the record whole, and what is in it."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from vsm_system.cli.options import HERE, Json, Ledger, StateFolder, Workspace, state_of, wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from vsm_ledger.checkpoints import Checkpoint
    from vsm_ledger.history import FactRow, TaskRow
    from vsm_ledger.verification import Verification
    from vsm_system.repository.identity import OpenRepository
    from vsm_system.runs.state import State

app = typer.Typer(help="Verify and read the ledger.")


@app.command()
def verify(
    *, workspace: Workspace = HERE, state: StateFolder = None, ledger: Ledger = None, as_json: Json = False
) -> int:
    """Compare facts, heads, checkpoints and their copies; exit code 1 where something was changed."""
    from dataclasses import asdict

    import orjson

    place, repository = state_of(workspace, state, ledger)
    found = wait_for(_verify(place, repository))
    if as_json:
        print(orjson.dumps({**asdict(found), "ledger": place.ledger}, option=orjson.OPT_INDENT_2).decode())
    else:
        print(
            f"{place.ledger}: {found.facts} facts, {found.streams} streams, {found.checkpoints} checkpoints"
        )
        for finding in found.findings:
            print(f"found: {finding}")
        for note in found.notes:
            print(f"note: {note}")
        state_of_it = "the record was changed" if found.findings else "the record is whole"
        print(f"{state_of_it} (compared: facts, heads and checkpoints)")
    return 1 if found.findings else 0


async def _verify(place: "State", repository: "OpenRepository | None") -> "Verification":
    from vsm_ledger.checkpoints import load_public_keys, read_copies
    from vsm_ledger.connect import ledger_path
    from vsm_ledger.verification import verify as compare
    from vsm_system.runs.checkpoint import read_file, read_ref, ref_of

    copies: dict[str, tuple[Checkpoint, ...]] = {}
    keys: dict[str, bytes] = {}
    for folder in _folders(place, ledger_path(place.ledger)):
        copies[str(folder / place.copies.name)] = read_copies(read_file(folder / place.copies.name))
        keys |= load_public_keys(folder)
    if repository is not None:
        ref = ref_of(place, repository.common)
        copied = read_copies(await read_ref(repository.common, ref))
        if copied and await _is_ours(place, copied[0].organization):
            copies[ref] = copied
    found = {where: copied for where, copied in copies.items() if copied}
    return await compare(place.ledger, copies=found, keys=keys)


def _folders(place: "State", file: "Path") -> "tuple[Path, ...]":
    return tuple(dict.fromkeys((file.absolute().parent, place.folder)))


async def _is_ours(place: "State", organization: str) -> bool:
    from vsm_ledger.errors import LedgerError
    from vsm_system.runs.ledger import reading

    try:
        async with reading(place.ledger) as history:
            return history.organization == organization
    except LedgerError:
        return True  # too damaged to say whose it is: the copy is the better witness


@app.command()
def tasks(
    directive: Annotated[
        str | None, typer.Argument(metavar="[DIRECTIVE]", help="Only this directive's.")
    ] = None,
    *,
    workspace: Workspace = HERE,
    state: StateFolder = None,
    ledger: Ledger = None,
    as_json: Json = False,
) -> int:
    """List the tasks of a directive, or of the newest one."""
    from dataclasses import asdict

    import orjson

    place, _ = state_of(workspace, state, ledger)
    rows = wait_for(_tasks(place, directive))
    if as_json:
        print(orjson.dumps([asdict(row) for row in rows], option=orjson.OPT_INDENT_2).decode())
        return 0
    from vsm_system.report.console import columns, console_for, put
    from vsm_system.report.wording import one_line, short

    lines = [
        (short(row.task_id), row.role, row.node or "-", row.outcome or row.state, one_line(row.title))
        for row in rows
    ]
    put(console_for(sys.stdout), columns(lines))
    return 0


async def _tasks(place: "State", directive: str | None) -> "tuple[TaskRow, ...]":
    from vsm_system.errors import UserError
    from vsm_system.runs.ledger import reading

    async with reading(place.ledger) as history:
        if directive is None:
            newest = await history.directives(1)
            return await history.tasks(newest[0].directive_id) if newest else ()
        if await history.directive(directive) is None:
            raise UserError(f"no directive {directive!r} in this ledger: `vsm runs` lists them")
        return await history.tasks(directive)


@app.command()
def facts(
    *,
    stream: Annotated[str | None, typer.Option("--stream", metavar="NODE", help="Only this node's.")] = None,
    kind: Annotated[str | None, typer.Option("--kind", help="Only this kind, such as TaskFinished.")] = None,
    task: Annotated[str | None, typer.Option("--task", help="Only this task's.")] = None,
    directive: Annotated[str | None, typer.Option("--directive", help="Only this directive's.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many, the oldest first.")] = 1_000,
    workspace: Workspace = HERE,
    state: StateFolder = None,
    ledger: Ledger = None,
) -> int:
    """Print facts as lines of JSON, the oldest first."""
    from vsm_ledger.history import FactFilter

    place, _ = state_of(workspace, state, ledger)
    asked = FactFilter(stream=stream, kind=kind, task_id=task, directive_id=directive, limit=limit)
    for row in wait_for(_facts(place, asked)):
        print(_as_line(row))
    return 0


async def _facts(place: "State", asked: object) -> "tuple[FactRow, ...]":
    from vsm_ledger.history import FactFilter
    from vsm_system.runs.ledger import reading

    assert isinstance(asked, FactFilter)
    async with reading(place.ledger) as history:
        return await history.facts(asked)


def _as_line(row: "FactRow") -> str:
    import orjson

    told = {"sequence": row.sequence, "stream": row.stream, "version": row.version}
    return orjson.dumps({**told, **row.recorded.model_dump(mode="json")}).decode()
