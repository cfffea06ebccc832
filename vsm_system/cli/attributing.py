"""`vsm ledger attribution`: who caused which outcomes, at what cost."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from vsm_system.cli.filters import (
    ROWS,
    AsCsv,
    Genome,
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
from vsm_system.cli.tables import Column, form_of, print_rows

if TYPE_CHECKING:
    from vsm_ledger.views.attribution import Asked, Attributed, Figures, GroupBy
    from vsm_system.runs.state import State

TEN, THOUSAND, TEN_THOUSAND, PERCENT, CENT = 10, 1_000, 10_000, 100, 0.01
GENOME_SHOWN = 12  # characters
NUMBERS = ("attempts", "own_attempts", "judged", "succeeded", "success", "low", "high", "score", "reverted")
COSTS = ("input_tokens", "output_tokens", "worker_seconds", "latency_seconds", "lines_changed")
SORTS = ("name", *NUMBERS, *COSTS)


Trial = Annotated[str | None, typer.Option("--trial", metavar="ID", help="Only this trial's.")]
ArmOption = Annotated[str | None, typer.Option("--arm", metavar="ARM", help="Only this arm of trials.")]
RoleOption = Annotated[str | None, typer.Option("--role", metavar="ROLE", help="Only tasks of this role.")]
ClassOption = Annotated[
    str | None, typer.Option("--class", metavar="CLASS", help="Only tasks of this class.")
]
GroupOption = Annotated[
    str,
    typer.Option(
        "--group-by",
        metavar="WHAT",
        help="A row for each node, genome, trial, arm, role, class, outcome, hour or day.",
    ),
]
SourceOption = Annotated[
    str | None,
    typer.Option(
        "--from", metavar="rollups|traces", help="Which rows to add up; both say the same, rollups sooner."
    ),
]


def attribution(
    *,
    node: Node = None,
    subtree: Subtree = None,
    genome: Genome = None,
    trial: Trial = None,
    arm: ArmOption = None,
    role: RoleOption = None,
    task_class: ClassOption = None,
    since: Since = None,
    until: Until = None,
    group_by: GroupOption = "node",
    source: SourceOption = None,
    sort: Sort = None,
    limit: Limit = ROWS,
    workspace: Workspace = HERE,
    state: StateFolder = None,
    ledger: Ledger = None,
    as_json: Json = False,
    as_csv: AsCsv = False,
) -> int:
    """Show who caused which outcomes: attempts, success with its 95 % interval, score, tokens, money and time.

    A node is credited with what it did itself (own) and what was done below it: in full for its own and its children's
    attempts, half as much for each further level. Success counts attempts that say something about their node.
    """
    from vsm_core.task import Arm, Role
    from vsm_ledger.views.attribution import Asked, GroupBy, Source

    one_form(as_json=as_json, as_csv=as_csv)
    groups = tuple(each.value for each in GroupBy)
    sources = tuple(each.value for each in Source)
    grouped = GroupBy(chosen(group_by, groups, "--group-by") or GroupBy.NODE)
    asked = Asked(
        node=node,
        subtree=subtree,
        genome=genome,
        trial=trial,
        arm=chosen(arm, tuple(each.value for each in Arm), "--arm"),
        role=chosen(role, tuple(each.value for each in Role), "--role"),
        task_class=task_class,
        since=moment(since, "--since"),
        until=moment(until, "--until"),
        group_by=grouped,
        source=Source(source) if chosen(source, sources, "--from") and source else None,
    )
    by, descending = ordered(sort, SORTS)
    place, _ = state_of(workspace, state, ledger)
    found = [_row(each, grouped) for each in wait_for(_attributed(place, asked))]
    rows = _sorted(found, by or "name", descending)[:limit]
    print_rows(rows, form_of(as_json=as_json, as_csv=as_csv), _columns(grouped))
    return 0


async def _attributed(place: "State", asked: "Asked") -> "tuple[Attributed, ...]":
    from vsm_ledger.views.attribution import attribution as answer
    from vsm_system.errors import UserError
    from vsm_system.runs.ledger import reading

    async with reading(place.ledger) as history:
        await known_node(history, asked.node)
        await known_node(history, asked.subtree)
        try:
            return await history.ask(partial(answer, asked=asked))
        except ValueError as error:
            raise UserError(str(error)) from None


def _row(found: "Attributed", grouped: "GroupBy") -> dict[str, object]:
    from vsm_ledger.views.attribution import GroupBy

    row = {"name": found.name, **_figures(found.whole)}
    if grouped is GroupBy.NODE:
        row |= {f"own_{name}": value for name, value in _figures(found.own).items()}
    return row


def _figures(figures: "Figures") -> dict[str, object]:
    return {
        "attempts": figures.attempts,
        "judged": figures.judged,
        "succeeded": figures.succeeded,
        "success": figures.rate,
        "low": figures.success.low,
        "high": figures.success.high,
        "score": figures.score,
        "outcomes": dict(figures.outcomes),
        "reverted": figures.reverted,
        "input_tokens": figures.input_tokens,
        "output_tokens": figures.output_tokens,
        "money": dict(figures.money),
        "worker_seconds": figures.worker_seconds,
        "latency_seconds": figures.latency_seconds,
        "lines_changed": figures.lines_changed,
    }


def _sorted(rows: list[dict[str, object]], by: str, descending: bool | None) -> list[dict[str, object]]:
    """Names come in their order, numbers with the largest first; rows that have none come last."""
    named = by == "name"
    filled = [row for row in rows if row.get(by) is not None]
    empty = [row for row in rows if row.get(by) is None]
    downward = not named if descending is None else descending
    return [
        *sorted(filled, key=lambda row: row[by], reverse=downward),  # type: ignore[arg-type,return-value]
        *empty,
    ]


# ------------------------------------------------------------------------------------------------------ for people


def _columns(grouped: "GroupBy") -> Sequence[Column]:
    from vsm_ledger.views.attribution import GroupBy
    from vsm_system.report.wording import duration

    own = (
        (Column("own", lambda row: compact(_number(row, "own_attempts"))),) if grouped is GroupBy.NODE else ()
    )
    return (
        Column(grouped.value, lambda row: _named(row, grouped)),
        Column("all", lambda row: compact(_number(row, "attempts"))),
        *own,
        Column("success", _success),
        Column("score", lambda row: rounded(_number(row, "score"))),
        Column("tokens", lambda row: compact(_number(row, "input_tokens") + _number(row, "output_tokens"))),
        Column("money", lambda row: amounts(row["money"])),
        Column("latency", lambda row: duration(_number(row, "latency_seconds"))),
        Column("work", lambda row: duration(_number(row, "worker_seconds")), only_wide=True),
        Column("lines", lambda row: compact(_number(row, "lines_changed")), only_wide=True),
        Column("reverted", lambda row: str(row["reverted"]), only_wide=True),
    )


def _named(row: Mapping[str, object], grouped: "GroupBy") -> str:
    from vsm_ledger.views.attribution import GroupBy
    from vsm_system.report.wording import one_line

    name = one_line(str(row["name"])) or "-"
    return name[:GENOME_SHOWN] if grouped is GroupBy.GENOME else name


def _number(row: Mapping[str, object], name: str) -> float:
    value = row[name]
    return value if isinstance(value, int | float) else 0.0


def _success(row: Mapping[str, object]) -> str:
    if row["success"] is None:
        return "-"
    return f"{row['success']:.0%} ({_number(row, 'low') * PERCENT:.0f}-{_number(row, 'high') * PERCENT:.0f})"


def compact(count: float) -> str:
    """Return a number in few characters: 512, 3.4k, 1.2M."""
    if abs(count) < TEN_THOUSAND:
        return f"{count:.0f}"
    for unit in ("k", "M"):
        count /= THOUSAND
        if abs(count) < THOUSAND:
            return f"{count:.1f}{unit}"
    return f"{count / THOUSAND:.1f}G"


def rounded(amount: float | Decimal) -> str:
    """Return an amount with the digits that matter to people: 0.0004, 0.25, 12.5, 1092."""
    size = abs(float(amount))
    digits = 0 if size >= THOUSAND else 1 if size >= TEN else 2 if size >= CENT or not size else 4
    return f"{amount:.{digits}f}"


def amounts(money: object) -> str:
    """Return amounts of money, each in its own currency."""
    known: Mapping[str, Decimal] = money if isinstance(money, Mapping) else {}
    return " + ".join(f"{rounded(amount)} {name}" for name, amount in known.items()) or "-"
