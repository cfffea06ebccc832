"""`vsm runs`, `vsm logs` and `vsm why`: what the ledger remembers, for people."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from vsm_system.cli.options import HERE, Json, Ledger, StateFolder, TaskId, Workspace, state_of, wait_for

if TYPE_CHECKING:
    from vsm_core.payloads.work import TaskResult
    from vsm_ledger.history import DirectiveRow, FactRow, History, TaskRow
    from vsm_ledger.views.why import Reason
    from vsm_system.runs.state import State

WHEN = len("2026-01-01T00:00")
TIME = slice(11, 23)  # of an RFC 3339 time


# ------------------------------------------------------------------------------------------------------- runs


def runs(
    *,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many, the newest first.")] = 20,
    workspace: Workspace = HERE,
    state: StateFolder = None,
    ledger: Ledger = None,
    as_json: Json = False,
) -> int:
    """List the directives with their state."""
    from dataclasses import asdict

    import orjson

    place, _ = state_of(workspace, state, ledger)
    rows = wait_for(_directives(place, limit))
    if as_json:
        print(orjson.dumps([asdict(row) for row in rows], option=orjson.OPT_INDENT_2).decode())
    else:
        _print_runs(place, rows)
    return 0


async def _directives(place: "State", limit: int) -> "tuple[DirectiveRow, ...]":
    from vsm_system.runs.ledger import is_there, reading

    if not await is_there(place.ledger):
        return ()
    async with reading(place.ledger) as history:
        return await history.directives(limit)


def _print_runs(place: "State", rows: "tuple[DirectiveRow, ...]") -> None:
    from vsm_ledger.connect import shown
    from vsm_system.report.console import columns, console_for, put
    from vsm_system.report.wording import one_line
    from vsm_system.runs.state import live_owner

    if not rows:
        print(f'no directives yet in {shown(place.ledger)}: vsm run-directive "Fix the lint errors"')
        return
    owner = live_owner(place)
    lines = []
    for row in rows:
        live = owner is not None and owner.directive == row.directive_id
        standing = row.outcome or ("running" if live else "open")
        when = row.accepted_at[:WHEN].replace("T", " ")
        lines.append((row.directive_id, when, standing, one_line(row.title)))
    put(console_for(sys.stdout), columns(lines))


# ------------------------------------------------------------------------------------------------------- logs


def logs(
    task: TaskId,
    *,
    workspace: Workspace = HERE,
    state: StateFolder = None,
    ledger: Ledger = None,
) -> int:
    """Show what the tools of a task said, attempt by attempt."""
    from vsm_core.facts import TaskFinished

    place, _ = state_of(workspace, state, ledger)
    row, facts = wait_for(_task(place, task))
    print(f"{row.task_id}  {row.role}  {row.node or '-'}  {row.outcome or row.state}\n{row.title}")
    finished = [
        each.fact for each in facts if isinstance(each.fact, TaskFinished) and each.stream == row.planner
    ]
    for fact in finished:
        if isinstance(fact, TaskFinished):
            _print_result(place, fact.result)
    if not finished:
        print("\nno execution of it has ended yet")
    return 0


async def _task(place: "State", wanted: str) -> "tuple[TaskRow, tuple[FactRow, ...]]":
    from vsm_ledger.history import FactFilter
    from vsm_system.runs.ledger import reading

    async with reading(place.ledger) as history:
        row = await task_in(history, wanted)
        return row, await history.facts(FactFilter(task_id=row.task_id))


async def task_in(history: "History", wanted: str) -> "TaskRow":
    """Return the task of an id, or the only one whose id begins so; raise UserError where there is none."""
    from vsm_system.errors import UserError

    row = await history.task(wanted)
    if row is not None:
        return row
    known = [t for d in await history.directives() for t in await history.tasks(d.directive_id)]
    alike = [each for each in known if each.task_id.startswith(wanted)]
    if len(alike) == 1:
        return alike[0]
    why = f"{len(alike)} tasks begin with {wanted!r}" if alike else f"no task {wanted!r} in this ledger"
    raise UserError(f"{why}: `vsm ledger tasks DIRECTIVE` lists them, `vsm runs` the directives")


def _print_result(place: "State", result: "TaskResult") -> None:
    print(
        f"\nattempt {result.attempt} by {result.produced_by}: {result.outcome} (isolation: {result.isolation})"
    )
    if result.reason:
        print(result.reason)
    for each in result.evidence:
        exit_code = "no exit code" if each.exit_code is None else f"exit {each.exit_code}"
        print(f"\n$ {' '.join(each.argv)}\n# on {each.where}, {exit_code}, {each.duration_seconds:.1f} s")
        if each.interpreter:
            print(f"# {each.interpreter}")
        print(_output(place, each.output_digest, each.output_tail).rstrip())
    if result.narration:
        print(f"\n# what its author says\n{result.narration}")


def _output(place: "State", digest: str | None, tail: str) -> str:
    from vsm_worker.artifacts import ArtifactStore

    if digest is not None:
        try:
            return ArtifactStore(place.artifacts).read(digest).decode(errors="replace")
        except OSError:
            pass  # only large outputs are stored
    return tail


# -------------------------------------------------------------------------------------------------------- why


def why(
    task: TaskId,
    *,
    workspace: Workspace = HERE,
    state: StateFolder = None,
    ledger: Ledger = None,
    as_json: Json = False,
) -> int:
    """Tell how a task came about and came to its end, from the directive on."""
    from dataclasses import asdict

    import orjson

    place, _ = state_of(workspace, state, ledger)
    row, _ = wait_for(_task(place, task))
    chain = wait_for(_reasons(place, row.task_id))
    if as_json:
        print(orjson.dumps([asdict(each) for each in chain], option=orjson.OPT_INDENT_2).decode())
        return 0
    from vsm_system.cli.tables import WIDE
    from vsm_system.report.console import columns, console_for, put
    from vsm_system.report.wording import one_line

    print(f"{row.task_id}  {row.role}  {row.outcome or row.state}\n{one_line(row.title)}\n")
    console = console_for(sys.stdout)
    lines = [
        (
            *((each.fact_id,) if console.width >= WIDE else ()),
            each.at[TIME],
            each.stream,
            one_line(each.sentence),
        )
        for each in chain
    ]
    put(console, columns(lines, wraps=True))
    return 0


async def _reasons(place: "State", task_id: str) -> "tuple[Reason, ...]":
    from vsm_system.runs.ledger import reading

    async with reading(place.ledger) as history:
        return await history.why(task_id)
