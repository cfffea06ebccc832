"""`vsm ledger tasks`, `traces` and `facts`: what is in the ledger, row by row."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from vsm_system.cli.filters import (
    ROWS,
    AsCsv,
    Genome,
    Group,
    Limit,
    Node,
    Since,
    Sort,
    Subtree,
    Until,
    chosen,
    known_node,
    moment,
    one_form,
    ordered,
)
from vsm_system.cli.options import HERE, Json, Ledger, StateFolder, Workspace, state_of, wait_for
from vsm_system.cli.tables import Column, Form, Rows, form_of, print_rows

if TYPE_CHECKING:
    from vsm_ledger.history import History
    from vsm_ledger.views.listing import Wanted
    from vsm_system.runs.state import State

LISTS_IN_CELLS = ("dependencies", "files_touched")
DirectiveWanted = Annotated[
    str | None, typer.Option("--directive", metavar="ID", help="Only this directive's.")
]
TaskWanted = Annotated[str | None, typer.Option("--task", metavar="ID", help="Only this task's.")]


def tasks(
    directive: Annotated[
        str | None, typer.Argument(metavar="[DIRECTIVE]", help="Only this directive's.")
    ] = None,
    *,
    node: Node = None,
    subtree: Subtree = None,
    genome: Genome = None,
    since: Since = None,
    until: Until = None,
    group_by: Group = None,
    sort: Sort = None,
    limit: Limit = ROWS,
    workspace: Workspace = HERE,
    state: StateFolder = None,
    ledger: Ledger = None,
    as_json: Json = False,
    as_csv: AsCsv = False,
) -> int:
    """List the tasks of a directive, or of the newest one; with any filter, those of all directives."""
    from vsm_ledger.views.listing import Wanted

    one_form(as_json=as_json, as_csv=as_csv)
    wanted = Wanted(
        node=node,
        subtree=subtree,
        genome=genome,
        directive=directive,
        since=moment(since, "--since"),
        until=moment(until, "--until"),
        limit=limit,
    )
    wanted = _in_order(wanted, "tasks", sort, group_by)
    place, _ = state_of(workspace, state, ledger)
    rows = [
        _task(row) for row in wait_for(_rows(place, "tasks", wanted, newest=wanted == Wanted(limit=limit)))
    ]
    print_rows(rows, form_of(as_json=as_json, as_csv=as_csv), _columns(wanted, _TASKS), flexible=-1)
    return 0


def traces(
    *,
    node: Node = None,
    subtree: Subtree = None,
    genome: Genome = None,
    directive: DirectiveWanted = None,
    task: TaskWanted = None,
    since: Since = None,
    until: Until = None,
    group_by: Group = None,
    sort: Sort = None,
    limit: Limit = ROWS,
    workspace: Workspace = HERE,
    state: StateFolder = None,
    ledger: Ledger = None,
    as_json: Json = False,
    as_csv: AsCsv = False,
) -> int:
    """List attempts as attribution counts them, one row each."""
    from vsm_ledger.views.listing import Wanted

    one_form(as_json=as_json, as_csv=as_csv)
    wanted = Wanted(
        node=node,
        subtree=subtree,
        genome=genome,
        directive=directive,
        task=task,
        since=moment(since, "--since"),
        until=moment(until, "--until"),
        limit=limit,
    )
    wanted = _in_order(wanted, "traces", sort, group_by)
    place, _ = state_of(workspace, state, ledger)
    rows = wait_for(_rows(place, "traces", wanted))
    print_rows(rows, form_of(as_json=as_json, as_csv=as_csv), _columns(wanted, _TRACES), flexible=1)
    return 0


def facts(
    *,
    node: Annotated[
        str | None, typer.Option("--node", "--stream", metavar="NODE", help="Only those this node recorded.")
    ] = None,
    subtree: Subtree = None,
    genome: Genome = None,
    kind: Annotated[str | None, typer.Option("--kind", help="Only this kind, such as TaskFinished.")] = None,
    task: TaskWanted = None,
    directive: DirectiveWanted = None,
    since: Since = None,
    until: Until = None,
    group_by: Group = None,
    sort: Sort = None,
    limit: Limit = ROWS,
    workspace: Workspace = HERE,
    state: StateFolder = None,
    ledger: Ledger = None,
    as_json: Json = False,
    as_csv: AsCsv = False,
) -> int:
    """Print facts as lines of JSON, the oldest first; --json makes one document of them."""
    from vsm_core.facts import FACT_CLASSES
    from vsm_ledger.views.listing import Wanted

    one_form(as_json=as_json, as_csv=as_csv)
    wanted = Wanted(
        node=node,
        subtree=subtree,
        genome=genome,
        kind=chosen(kind, tuple(FACT_CLASSES), "--kind"),
        directive=directive,
        task=task,
        since=moment(since, "--since"),
        until=moment(until, "--until"),
        limit=limit,
    )
    wanted = _in_order(wanted, "facts", sort, group_by)
    place, _ = state_of(workspace, state, ledger)
    found, form = wait_for(_rows(place, "facts", wanted)), form_of(as_json=as_json, as_csv=as_csv)
    if wanted.group_by is not None or form is Form.CSV:
        print_rows(found, form, _columns(wanted, ()))
        return 0
    rows = [_fact(row) for row in found]
    if form is Form.JSON:
        print_rows(rows, form, ())
    else:
        _print_lines(rows)
    return 0


# ------------------------------------------------------------------------------------------------------- reading


def _in_order(wanted: "Wanted", name: str, sort: str | None, group_by: str | None) -> "Wanted":
    from vsm_ledger.views.listing import LISTS

    by, descending = ordered(sort, LISTS[name].sorts)
    group = chosen(group_by, LISTS[name].groups, "--group-by")
    return replace(wanted, sort=by, descending=bool(descending), group_by=group)


async def _rows(place: "State", name: str, wanted: "Wanted", *, newest: bool = False) -> Rows:
    from vsm_ledger.views.listing import listing
    from vsm_system.runs.ledger import reading

    async with reading(place.ledger) as history:
        if newest:
            found = await history.directives(1)
            wanted = replace(wanted, directive=found[0].directive_id if found else None)
        return await history.ask(partial(listing, name=name, wanted=await _known(history, wanted)))


async def _known(history: "History", wanted: "Wanted") -> "Wanted":
    """Return what is wanted with whole ids; raise UserError for a node, directive or task that is not there."""
    from vsm_system.cli.records import task_in
    from vsm_system.errors import UserError

    await known_node(history, wanted.node)
    await known_node(history, wanted.subtree)
    if wanted.directive is not None and await history.directive(wanted.directive) is None:
        raise UserError(f"no directive {wanted.directive!r} in this ledger: `vsm runs` lists them")
    if wanted.task is not None:
        return replace(wanted, task=(await task_in(history, wanted.task)).task_id)
    return wanted


def _task(row: Mapping[str, object]) -> dict[str, object]:
    import orjson

    return {
        name: orjson.loads(str(value)) if name in LISTS_IN_CELLS and value is not None else value
        for name, value in row.items()
    }


def _fact(row: Mapping[str, object]) -> dict[str, object]:
    """Return a fact's row as `vsm ledger facts` has always told it: its place, then the recorded fact."""
    from pydantic import TypeAdapter

    from vsm_core.facts import RecordedFact
    from vsm_ledger.rows import recorded_of

    told = {name: row[name] for name in ("sequence", "stream", "version")}
    return {**told, **TypeAdapter(RecordedFact).dump_python(recorded_of(row), mode="json")}


def _print_lines(rows: Sequence[Mapping[str, object]]) -> None:
    import orjson

    for row in rows:
        sys.stdout.write(orjson.dumps(row).decode() + "\n")


# ------------------------------------------------------------------------------------------------------ for people


def _columns(wanted: "Wanted", usual: Sequence[Column]) -> Sequence[Column]:
    name = wanted.group_by
    if name is None:
        return usual
    return (
        Column(name, lambda row: _word(row[name])),
        Column("count", lambda row: str(row["count"])),
    )


def _word(value: object) -> str:
    from vsm_system.report.wording import one_line

    return one_line(str(value)) if value not in {None, ""} else "-"


def _short(value: object) -> str:
    from vsm_system.report.wording import short

    return short(str(value))


def _seconds(micros: object) -> str:
    from vsm_ledger.projections.measures import MICROS
    from vsm_system.report.wording import duration

    return duration(micros / MICROS if isinstance(micros, int) else 0.0)


_TASKS = (
    Column("task", lambda row: _short(row["task_id"])),
    Column("role", lambda row: _word(row["role"])),
    Column("node", lambda row: _word(row["node"])),
    Column("stands", lambda row: _word(row["outcome"] or row["state"])),
    Column("attempts", lambda row: str(row["attempts"]), only_wide=True),
    Column("planned", lambda row: str(row["planned_at"])[:16].replace("T", " "), only_wide=True),
    Column("title", lambda row: _word(row["title"])),
)
_TRACES = (
    Column("task", lambda row: _short(row["task_id"])),
    Column("node", lambda row: _word(row["node"])),
    Column("try", lambda row: str(row["attempt"])),
    Column("outcome", lambda row: _word(row["outcome"])),
    Column("tokens", lambda row: str(int(str(row["input_tokens"])) + int(str(row["output_tokens"])))),
    Column("latency", lambda row: _seconds(row["latency_micros"])),
    Column("above", lambda row: _word(row["ancestors"]), only_wide=True),
    Column("traced", lambda row: str(row["traced_at"])[:16].replace("T", " ")),
)
