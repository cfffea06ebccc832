"""`vsm ledger export`, and `verify` of what it wrote: one receipt for each attempt."""

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from vsm_system.cli.options import HERE, Ledger, StateFolder, Workspace, state_of, wait_for

if TYPE_CHECKING:
    from vsm_system.runs.state import State


def export(
    *,
    ndjson: Annotated[
        bool, typer.Option("--ndjson", help="One receipt per line; this is the only form.")
    ] = True,
    directive: Annotated[
        str | None, typer.Option("--directive", metavar="ID", help="Only this directive's.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-O", metavar="FILE", help="Write there instead of printing.")
    ] = None,
    workspace: Workspace = HERE,
    state: StateFolder = None,
    ledger: Ledger = None,
) -> int:
    """Write a receipt for each attempt, chained and signed, to be verified anywhere by `vsm ledger verify FILE`."""
    from vsm_system.errors import UserError

    place, _ = state_of(workspace, state, ledger)
    if output is None:
        wait_for(_written(place, directive, sys.stdout.buffer))
        return 0
    try:
        with output.open("wb") as file:
            count = wait_for(_written(place, directive, file))
    except OSError as error:
        raise UserError(f"{output} can't be written: {error.strerror}") from error
    print(f"{output}: {count} receipts")
    return 0


async def _written(place: "State", directive: str | None, file: BinaryIO) -> int:
    from vsm_ledger.checkpoints import load_signer
    from vsm_ledger.claims import utc_now
    from vsm_ledger.receipts import Writing
    from vsm_ledger.rows import instant_text
    from vsm_ledger.views.attempts import receipts_after
    from vsm_system.errors import UserError
    from vsm_system.runs.ledger import reading

    now, writing, count, after = instant_text(utc_now()), Writing(), 0, 0
    async with reading(place.ledger) as history:
        if directive is not None and await history.directive(directive) is None:
            raise UserError(f"no directive {directive!r} in this ledger: `vsm runs` lists them")
        while True:
            view = partial(receipts_after, after=after, directive=directive, now=now)
            receipts, last = await history.ask(view)
            if last is None:
                break
            file.writelines(map(writing.line, receipts))
            count, after = count + len(receipts), last
        file.write(writing.end(history.organization, load_signer(), now))
        file.flush()
    return count


def verify_file(file: Path, keys: Path | None, *, as_json: bool) -> int:
    """Verify a file of receipts and say what was found; exit code 1 on a finding."""
    from dataclasses import asdict

    import orjson

    from vsm_ledger.receipts import verify_receipts
    from vsm_system.errors import UserError
    from vsm_system.report.wording import counted, one_line

    trusted = _keys(keys) if keys is not None else {}
    try:
        with file.open("rb") as lines:
            found = verify_receipts(lines, trusted)
    except OSError as error:
        raise UserError(f"{file} can't be read: {error.strerror}") from error
    if as_json:
        print(orjson.dumps({**asdict(found), "file": str(file)}, option=orjson.OPT_INDENT_2).decode())
    else:
        whose = f" of {one_line(found.organization)}" if found.organization else ""
        print(f"{file}: {counted(found.receipts, 'receipt')}{whose}")
        for finding in found.findings:
            print(f"found: {one_line(finding)}")
        for note in found.notes:
            print(f"note: {one_line(note)}")
        print(f"the receipts {'were changed' if found.findings else 'are whole'}")
    return 1 if found.findings else 0


def _keys(folder: Path) -> dict[str, bytes]:
    from vsm_ledger.checkpoints import load_public_keys
    from vsm_system.errors import UserError

    found = load_public_keys(folder.parent) if folder.name == "keys" else load_public_keys(folder)
    if not found:
        raise UserError(f"{folder} holds no public key: name the folder keys/ of a state")
    return found
