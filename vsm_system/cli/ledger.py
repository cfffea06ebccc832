"""`vsm ledger`: is the record whole, and what is in it."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from vsm_system.cli.options import HERE, Json, Ledger, StateFolder, Workspace, state_of, wait_for

if TYPE_CHECKING:
    from vsm_ledger.history import FactFilter, FactRow, TaskRow
    from vsm_system.runs.state import State

app = typer.Typer(help="Verify and read the ledger.")


@app.command()
def verify(
    *, workspace: Workspace = HERE, state: StateFolder = None, ledger: Ledger = None, as_json: Json = False
) -> int:
    """Compare facts, heads, checkpoints and their copies; exit code 1 where something was changed."""
    from dataclasses import asdict

    import orjson

    from vsm_ledger.connect import shown
    from vsm_system.runs.vouching import verification_of

    place, repository = state_of(workspace, state, ledger)
    found = wait_for(verification_of(place, repository.common if repository else None))
    if as_json:
        print(
            orjson.dumps(
                {**asdict(found), "ledger": shown(place.ledger)}, option=orjson.OPT_INDENT_2
            ).decode()
        )
    else:
        print(
            f"{shown(place.ledger)}: {found.facts} facts, {found.streams} streams, {found.checkpoints} checkpoints"
        )
        for finding in found.findings:
            print(f"found: {finding}")
        for note in found.notes:
            print(f"note: {note}")
        state_of_it = "the record was changed" if found.findings else "the record is whole"
        print(f"{state_of_it} (compared: facts, heads and checkpoints)")
    return 1 if found.findings else 0


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


async def _facts(place: "State", asked: "FactFilter") -> "tuple[FactRow, ...]":
    from dataclasses import replace

    from vsm_core.facts import FACT_CLASSES
    from vsm_system.cli.records import task_in
    from vsm_system.config import guess
    from vsm_system.errors import UserError
    from vsm_system.runs.ledger import reading

    if asked.kind is not None and asked.kind not in FACT_CLASSES:
        raise UserError(f"there are no facts of kind {asked.kind!r}{guess(asked.kind, tuple(FACT_CLASSES))}")
    async with reading(place.ledger) as history:
        directive = asked.directive_id
        if directive is not None and await history.directive(directive) is None:
            raise UserError(f"no directive {directive!r} in this ledger: `vsm runs` lists them")
        streams = tuple(row.stream for row in await history.streams())
        if asked.stream is not None and asked.stream not in streams:
            raise UserError(f"no node {asked.stream!r} in this ledger{guess(asked.stream, streams)}")
        if asked.task_id is not None:
            asked = replace(asked, task_id=(await task_in(history, asked.task_id)).task_id)
        return await history.facts(asked)


def _as_line(row: "FactRow") -> str:
    import orjson
    from pydantic import TypeAdapter

    from vsm_core.facts import RecordedFact

    told = {"sequence": row.sequence, "stream": row.stream, "version": row.version}
    return orjson.dumps({**told, **TypeAdapter(RecordedFact).dump_python(row.recorded, mode="json")}).decode()


@app.command()
def migrate(*, workspace: Workspace = HERE, state: StateFolder = None, ledger: Ledger = None) -> int:
    """Bring a ledger of an older version to this one's schema, in one transaction; its facts stay as they are."""
    from vsm_ledger import connect
    from vsm_system.clock import this_owner

    place, _ = state_of(workspace, state, ledger)
    before, after = wait_for(connect.migrate(place.ledger, by=this_owner("")))
    print(
        f"{connect.shown(place.ledger)}: schema {after}"
        + (f", migrated from {before}" if before < after else " already")
    )
    return 0
