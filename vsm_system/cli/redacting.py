"""`vsm ledger redact`: takes free texts out of the ledger; the chain stays what it was."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vsm_system.cli.options import HERE, Json, Ledger, StateFolder, Workspace, state_of, wait_for

if TYPE_CHECKING:
    from vsm_ledger.redaction import Redaction
    from vsm_ledger.selection import Selection
    from vsm_system.runs.state import State

TASK, FACT, TEXT, STDIN = "task:", "fact:", "text:", "-"
READ_BYTES = 1_048_576  # of an artifact at once
FIXED_NAMED = 10

Selector = Annotated[
    str,
    typer.Argument(
        metavar="TEXT-SELECTOR",
        help="task:ID, fact:ID, text:SECRET, or - to read the secret from standard input, past the shell's history.",
    ),
]


def redact(
    selector: Selector,
    *,
    reason: Annotated[str, typer.Option("--reason", help="Why; it goes on record.")] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would go, and change nothing.")
    ] = False,
    workspace: Workspace = HERE,
    state: StateFolder = None,
    ledger: Ledger = None,
    as_json: Json = False,
) -> int:
    """Delete free texts and what repeats them: log and outbox bytes, snapshots, read models. Their digests stay.

    The record says that it was done, by whom and why, and still verifies. Exit code 1: some of it can't be deleted.
    """
    from vsm_system.errors import UserError

    if not dry_run and not reason.strip():
        raise UserError("a redaction goes on record: say why with --reason, or look first with --dry-run")
    place, _ = state_of(workspace, state, ledger)
    selection = wait_for(_selection(place, selector))
    told = wait_for(_looked(place, selection) if dry_run else _redacted(place, selection, reason))
    artifacts = tuple(_artifacts_holding(place, selection))
    if as_json:
        _print_json(told, artifacts)
    else:
        _print(place, told, artifacts, "would go" if dry_run else "gone")
    return 1 if told.fixed or artifacts else 0


async def _selection(place: "State", selector: str) -> "Selection":
    """Return what a selector means; raise UserError for one that means nothing."""
    from vsm_ledger.selection import Containing, OfFact, OfTask
    from vsm_system.cli.records import task_in
    from vsm_system.errors import UserError
    from vsm_system.runs.ledger import reading

    if selector.startswith(TASK):
        async with reading(place.ledger) as history:
            return OfTask((await task_in(history, selector.removeprefix(TASK))).task_id)
    if selector.startswith(FACT):
        return OfFact(selector.removeprefix(FACT))
    if selector != STDIN and not selector.startswith(TEXT):
        raise UserError("select texts by task:ID, fact:ID, text:SECRET, or - for a secret on standard input")
    secret = sys.stdin.readline().rstrip("\r\n") if selector == STDIN else selector.removeprefix(TEXT)
    try:
        return Containing(secret)
    except ValueError as error:
        raise UserError(str(error)) from None


async def _looked(place: "State", selection: "Selection") -> "Redaction":
    from vsm_ledger.redaction import would_redact

    return await would_redact(place.ledger, selection)


async def _redacted(place: "State", selection: "Selection", reason: str) -> "Redaction":
    from vsm_ledger.redaction import Order, redact
    from vsm_system.clock import this_owner
    from vsm_system.errors import UserError

    try:
        return await redact(place.ledger, selection, Order(_who(), reason, this_owner("redactor")))
    except ValueError as error:  # the reason repeats the secret
        raise UserError(str(error)) from None


def _who() -> str:
    from getpass import getuser

    try:
        return getuser()
    except (OSError, KeyError):  # a user without a name
        return "unknown"


def _artifacts_holding(place: "State", selection: "Selection") -> "list[Path]":
    """Return the large outputs that hold a secret; they are files of their own, outside of the ledger."""
    from vsm_ledger.selection import Containing

    if not isinstance(selection, Containing) or not place.artifacts.is_dir():
        return []
    needle = selection.secret.encode()
    return [each for each in sorted(place.artifacts.rglob("*")) if each.is_file() and _holds(each, needle)]


def _holds(path: Path, needle: bytes) -> bool:
    rest = b""
    with path.open("rb") as file:
        while chunk := file.read(READ_BYTES):
            if needle in rest + chunk:
                return True
            rest = chunk[-len(needle) :]
    return False


def _print(place: "State", told: "Redaction", artifacts: "tuple[Path, ...]", what: str) -> None:
    from vsm_ledger.connect import shown
    from vsm_system.report.wording import counted

    print(
        f"{shown(place.ledger)}: {what}: {counted(told.texts, 'text')} of {counted(told.facts, 'fact')}, "
        f"{told.inbox} log entries, {told.outbox} outbox entries ({told.unsent} of them still to be sent, without it), "
        f"{counted(told.jobs, 'job')} mended, {counted(told.snapshots, 'snapshot')}"
    )
    if told.fixed:
        named = ", ".join(told.fixed[:FIXED_NAMED])
        more = f" and {len(told.fixed) - FIXED_NAMED} more" if len(told.fixed) > FIXED_NAMED else ""
        print(f"stays in {counted(len(told.fixed), 'fact')} whose hashes cover it: {named}{more}")
        print(
            "note: facts of older versions, and fields that are no free text, can't lose it without breaking the chain"
        )
    for path in artifacts:
        print(f"note: {path} holds it as well: delete the file")


def _print_json(told: "Redaction", artifacts: "tuple[Path, ...]") -> None:
    from dataclasses import asdict

    import orjson

    document = {**asdict(told), "artifacts": [str(path) for path in artifacts]}
    print(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
