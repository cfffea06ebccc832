"""`vsm ledger`: is the record whole, and what is in it."""

from pathlib import Path
from typing import Annotated

import typer

from vsm_system.cli import attributing, listings, receipts, redacting, replaying, upkeep
from vsm_system.cli.options import HERE, Json, Ledger, StateFolder, Workspace, state_of, wait_for

app = typer.Typer(help="Verify, read and tend the ledger.")
app.command("attribution")(attributing.attribution)
app.command("tasks")(listings.tasks)
app.command("traces")(listings.traces)
app.command("facts")(listings.facts)


@app.command()
def verify(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="Receipts that `vsm ledger export` wrote.")
    ] = None,
    *,
    keys: Annotated[
        Path | None,
        typer.Option(
            "--keys", metavar="DIR", help="Public keys that may have signed FILE: keys/ of a state."
        ),
    ] = None,
    workspace: Workspace = HERE,
    state: StateFolder = None,
    ledger: Ledger = None,
    as_json: Json = False,
) -> int:
    """Compare facts, heads, checkpoints and their copies, or verify a file of receipts; exit code 1 on a finding."""
    if file is not None:
        return receipts.verify_file(file, keys, as_json=as_json)
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


app.command("export")(receipts.export)
app.command("replay")(replaying.replay)
app.command("rebuild")(upkeep.rebuild)
app.command("prune")(upkeep.prune)
app.command("redact")(redacting.redact)
