"""`vsm cost`: what was spent, and on what."""

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from vsm_system.cli.attributing import amounts, compact
from vsm_system.cli.filters import ROWS, AsCsv, Limit, Since, Until, chosen, moment, one_form
from vsm_system.cli.options import HERE, Json, Ledger, StateFolder, Workspace, state_of, wait_for
from vsm_system.cli.tables import Column, form_of, print_rows

if TYPE_CHECKING:
    from vsm_ledger.views.cost import CostAsked, CostRow
    from vsm_system.runs.state import State

SHOWN = 24  # characters of a name


def cost(
    *,
    by: Annotated[
        str, typer.Option("--by", metavar="WHAT", help="A row for each node, genome, task or model.")
    ] = "node",
    directive: Annotated[
        str | None, typer.Option("--directive", metavar="ID", help="Only this directive's.")
    ] = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = ROWS,
    workspace: Workspace = HERE,
    state: StateFolder = None,
    ledger: Ledger = None,
    as_json: Json = False,
    as_csv: AsCsv = False,
) -> int:
    """Show what was spent: tokens, money in each currency for itself, attempts and worker time.

    Attempts whose result came too late count with what they cost. Of an attempt that was lost without a word nobody
    knows the cost; it is counted as silent.
    """
    from vsm_ledger.views.cost import CostAsked, CostBy

    one_form(as_json=as_json, as_csv=as_csv)
    asked = CostAsked(
        by=CostBy(chosen(by, tuple(each.value for each in CostBy), "--by") or by),
        directive=directive,
        since=moment(since, "--since"),
        until=moment(until, "--until"),
    )
    place, _ = state_of(workspace, state, ledger)
    found = sorted(wait_for(_costs(place, asked)), key=_weight, reverse=True)
    rows = [_row(each) for each in found[:limit]]
    print_rows(rows, form_of(as_json=as_json, as_csv=as_csv), _columns(by))
    return 0


async def _costs(place: "State", asked: "CostAsked") -> "tuple[CostRow, ...]":
    from vsm_ledger.views.cost import cost as answer
    from vsm_system.errors import UserError
    from vsm_system.runs.ledger import reading

    async with reading(place.ledger) as history:
        if asked.directive is not None and await history.directive(asked.directive) is None:
            raise UserError(f"no directive {asked.directive!r} in this ledger: `vsm runs` lists them")
        return await history.ask(partial(answer, asked=asked))


def _weight(row: "CostRow") -> tuple[float, ...]:
    """What cost the most comes first; money of several currencies has no order."""
    return (row.input_tokens + row.output_tokens, row.worker_seconds, row.attempts)


def _row(found: "CostRow") -> dict[str, object]:
    from dataclasses import asdict

    return {**asdict(found), "money": dict(found.money)}


def _columns(by: str) -> tuple[Column, ...]:
    from vsm_system.report.wording import duration, one_line

    return (
        Column(by, lambda row: one_line(str(row["name"]))[:SHOWN] or "-"),
        Column("attempts", lambda row: str(row["attempts"])),
        Column("late", lambda row: str(row["late"])),
        Column("silent", lambda row: str(row["silent"])),
        Column("in", lambda row: compact(float(str(row["input_tokens"])))),
        Column("out", lambda row: compact(float(str(row["output_tokens"])))),
        Column("calls", lambda row: str(row["tool_calls"]), only_wide=True),
        Column("work", lambda row: duration(float(str(row["worker_seconds"])))),
        Column("money", lambda row: amounts(row["money"])),
    )
