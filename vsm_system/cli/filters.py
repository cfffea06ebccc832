"""The options by which rows of the ledger are chosen, and what is typed into them."""

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from vsm_ledger.history import History

Node = Annotated[str | None, typer.Option("--node", metavar="NODE", help="Only this node's.")]
Subtree = Annotated[
    str | None, typer.Option("--subtree", metavar="NODE", help="Only those of a node and all below it.")
]
Genome = Annotated[
    str | None, typer.Option("--genome", metavar="ID", help="Only under this genome; its beginning will do.")
]
Since = Annotated[
    str | None,
    typer.Option(
        "--since", metavar="WHEN", help="From then on: 2026-01-31, 2026-01-31T15:00 (UTC) or 36h ago."
    ),
]
Until = Annotated[str | None, typer.Option("--until", metavar="WHEN", help="Before then, in the same forms.")]
Sort = Annotated[
    str | None, typer.Option("--sort", metavar="COLUMN[:asc|:desc]", help="Another order of the rows.")
]
Group = Annotated[
    str | None, typer.Option("--group-by", metavar="COLUMN", help="One row for each value of this.")
]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, help="How many rows at most.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="Print comma-separated values with a line of names.")]

ROWS = 1_000
_AGO = re.compile(r"(\d{1,6})([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def moment(typed: str | None, option: str) -> str | None:
    """Return what was typed as a canonical time, or None; a time without a zone is in UTC. Raises UserError."""
    from vsm_ledger.rows import instant_text
    from vsm_system.errors import UserError

    if typed is None:
        return None
    ago = _AGO.fullmatch(typed)
    try:
        if ago:
            return instant_text(datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])}))
        found = datetime.fromisoformat(typed)
        return instant_text(found if found.tzinfo else found.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        raise UserError(
            f"{option} {typed!r} is no time: write 2026-01-31, 2026-01-31T15:00 or an age such as 36h or 7d"
        ) from None


def chosen(typed: str | None, known: tuple[str, ...], option: str) -> str | None:
    """Return what was typed if it is one of those known; raise UserError with the nearest one otherwise."""
    from vsm_system.config import guess
    from vsm_system.errors import UserError

    if typed is None or typed in known:
        return typed
    raise UserError(f"{option} can't be {typed!r}{guess(typed, known)}: one of {', '.join(known)}")


def ordered(typed: str | None, known: tuple[str, ...]) -> tuple[str | None, bool | None]:
    """Return the column to sort by, and whether the largest come first; None where that was not said."""
    if typed is None:
        return None, None
    name, _, way = typed.partition(":")
    if way:
        chosen(way, ("asc", "desc"), "the order of --sort")
    return chosen(name, known, "--sort"), way == "desc" if way else None


async def known_node(history: "History", typed: str | None) -> str | None:
    """Return a node that the ledger knows; raise UserError for any other."""
    from vsm_ledger.views.nodes import nodes
    from vsm_system.config import guess
    from vsm_system.errors import UserError

    if typed is None:
        return None
    known = await history.ask(nodes)
    if typed not in known:
        raise UserError(f"no node {typed!r} in this ledger{guess(typed, known)}")
    return typed


def one_form(*, as_json: bool, as_csv: bool) -> None:
    """Raise UserError where two forms of output are asked for at once."""
    from vsm_system.errors import UserError

    if as_json and as_csv:
        raise UserError("--json and --csv are two forms of one answer: choose one")
